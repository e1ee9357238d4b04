/** The litmus test that is measured, in the place where measured scenarios are looked for. */
export { default } from '../../scenarios/litmus/sb.ts'
