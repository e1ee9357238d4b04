/** Loops in an interleaving, put together: what a spinning thread repeats is shown once. */
import type { Interleaving } from '../schema.ts'

type Step = Interleaving['steps'][number]

export interface Folded {
  readonly step: Step
  /** How often the last `period` steps up to this one are repeated after it, left out here. */
  readonly repeats: number
  readonly period: number
}

/** Steps of the longest loop that is recognised. */
const LONGEST = 8
/** Fewer rounds are shown in full. */
const LEAST_ROUNDS = 4

export function fold(steps: readonly Step[]): Folded[] {
  const keys = steps.map(keyOf)
  const folded: Folded[] = []
  for (let at = 0; at < steps.length; ) {
    const { period, rounds } = loopAt(keys, at)
    const folds = rounds >= LEAST_ROUNDS
    const shown = folds ? period : 1
    for (let n = 0; n < shown; n++) {
      const last = folds && n === period - 1
      folded.push({ step: steps[at + n], repeats: last ? rounds - 1 : 0, period: last ? period : 0 })
    }
    at += folds ? period * rounds : 1
  }
  return folded
}

/** The shortest loop that begins at a step, and how often it goes round. */
function loopAt(keys: readonly string[], at: number): { period: number; rounds: number } {
  for (let period = 1; period <= LONGEST; period++) {
    let same = 0
    while (at + period + same < keys.length && keys[at + same] === keys[at + period + same]) same++
    const rounds = 1 + Math.floor(same / period)
    if (rounds >= LEAST_ROUNDS) return { period, rounds }
  }
  return { period: 1, rounds: 1 }
}

/** Equal for steps of one thread that look the same. A clock never shows the same time twice. */
const keyOf = ({ thread, op, cell, read, wrote, result, before, after }: Step): string =>
  JSON.stringify([thread, op, cell, read, wrote, op === 'clock' ? undefined : result, before, after])
