/** The words after `sbatch`. Each of the user's is one word, whatever is in it: no shell reads them. */
import { BatchProblem, type TaskArray } from '../carrier.ts'

/** What would change what an array of ours is, or how sbatch answers. */
const OURS: Readonly<Record<string, string>> = {
  array: 'a',
  chdir: 'D',
  'cpus-per-task': 'c',
  help: 'h',
  'job-name': 'J',
  nodes: 'N',
  ntasks: 'n',
  output: 'o',
  parsable: '',
  'test-only': '',
  usage: '',
  version: 'V',
  wait: 'W',
  wrap: '',
}

/**
 * Options for sbatch as its command line has them, from those of the user: `partition=lab` means `--partition=lab`.
 * @throws {BatchProblem} for one that is torture's to give
 */
export function parseOptions(options: readonly string[]): string[] {
  return options.map(text => {
    const option = text.startsWith('-') ? text : `--${text}`
    const own = Object.entries(OURS).find(
      ([long, short]) =>
        nameOf(option) === `--${long}` || (short !== '' && /^-[^-]/.test(option) && option[1] === short),
    )
    if (own !== undefined)
      throw new BatchProblem(2, `--slurm-option ${text}: --${own[0]} is given by torture itself: leave it out`)
    if (/^-+$/.test(option) || option.includes('\0'))
      throw new BatchProblem(2, `--slurm-option ${text}: an option of sbatch is needed, as in partition=debug`)
    return option
  })
}

const nameOf = (option: string) => option.replace(/=.*$/s, '')

/** The partitions that the options name, or the environment; undefined: the default one. */
export function partitionOf(options: readonly string[], env: NodeJS.ProcessEnv): string | undefined {
  for (const [n, option] of [...options.entries()].reverse()) {
    const joined = /^(?:--partition=|-p=?)(.+)$/s.exec(option)?.[1]
    if (joined !== undefined) return joined
    if (option === '--partition' || option === '-p') return options[n + 1]?.replace(/^--/, '')
  }
  return env.SBATCH_PARTITION
}

/** @param script the batch script's path */
export function sbatchArgs(array: TaskArray, script: string, options: readonly string[]): string[] {
  return [
    // The user's come later, and so win, or are refused.
    '--requeue',
    `--time=${Math.ceil(array.limitMs / 60_000)}`,
    `--comment=${array.comment}`,
    ...options,
    '--parsable',
    `--array=0-${array.tasks - 1}`,
    `--job-name=${array.name}`,
    '--nodes=1',
    '--ntasks=1',
    `--cpus-per-task=${array.cpus}`,
    '--output=/dev/null',
    script,
    array.node,
    array.agent,
    array.folder,
  ]
}

/** `17`, or `17;cluster`. @throws {BatchProblem} */
export function parseSubmitted(text: string): string {
  const [, id] = /^(\d+)(?:;[\w.-]+)?$/m.exec(text.trim()) ?? []
  if (id === undefined) throw new BatchProblem(3, `sbatch has not said which job it made: ${text.slice(0, 200)}`)
  return id
}

/** Whether it is what the user asked for that Slurm does not like. */
export const isRefusal = (said: string): boolean =>
  /invalid|unrecognized|not available|not permitted|more processors|violates|specification|must be specified|denied/i.test(
    said,
  )
