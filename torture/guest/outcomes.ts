/** Grading of litmus results by the numbers that the bodies returned. */
import type { Outcome, Scenario } from '../scenario.ts'

/** The key of an outcome: all returned numbers, in the order of the threads, flattened, joined by commas. */
export function outcomeKey(values: readonly unknown[]): string {
  const numbers: number[] = []
  const take = (value: unknown): void => {
    if (typeof value === 'number') numbers.push(value)
    else if (Array.isArray(value)) value.forEach(take)
    else if (ArrayBuffer.isView(value) && !(value instanceof DataView)) Array.from(value as Int32Array, take)
  }
  values.forEach(take)
  return numbers.join(',')
}

/** Why an outcome is a failure, or undefined. */
export function outcomeFault(outcomes: NonNullable<Scenario['outcomes']>, key: string): string | undefined {
  const outcome: Outcome | undefined = Object.hasOwn(outcomes, key) ? outcomes[key] : undefined
  if (outcome === undefined) return `outcome ${key || '(no numbers)'} is not listed`
  return outcome.grade === 'forbidden' ? `outcome ${key} is forbidden: ${outcome.why}` : undefined
}
