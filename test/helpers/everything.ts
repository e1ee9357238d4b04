/** Brute force: all schedules of programs, and the classes of those that differ only in the order of independent steps. */
import { type Board, HEAD, lowest } from '../../torture/explore/schedule/board.ts'
import { DID, dependent, OP } from '../../torture/explore/schedule/ops.ts'
import type { Strategy } from '../../torture/explore/strategies/strategy.ts'
import { machineFor, type Outcome, type Program, type RunOptions, runAll, type TracedStep } from './machine.ts'

/** Depth first over all choices. */
export class Everything implements Strategy {
  readonly name = 'everything'
  /** The choices of the present schedule, and what is left to be tried in the place of each. */
  #path: { actor: number; left: number }[] = []
  #started = false

  begin(): boolean {
    if (!this.#started) {
      this.#started = true
      return true
    }
    while (this.#path.length > 0) {
      const choice = this.#path.at(-1)!
      if (choice.left !== 0) {
        choice.actor = lowest(choice.left)
        choice.left &= choice.left - 1
        return true
      }
      this.#path.pop()
    }
    return false
  }

  choose(board: Board): number {
    const at = board.head[HEAD.choices] - 1
    if (at < this.#path.length) return this.#path[at].actor
    const actor = lowest(board.eligible)
    this.#path.push({ actor, left: board.eligible & (board.eligible - 1) })
    return actor
  }

  end(): void {}
}

/** One execution for each schedule. */
export const everySchedule = (programs: readonly Program[], options?: RunOptions, most?: number): Iterable<Outcome> =>
  runAll(
    machineFor(programs.length, () => new Everything()),
    programs,
    options,
    most,
  )

/**
 * The same text for two executions if and only if one becomes the other by swapping neighbouring steps of different
 * actors that do not depend on each other: for each actor its steps, each with what it knows of the others' steps.
 */
export const classOf = (trace: readonly TracedStep[]): string => classUnder(trace, isBefore)

type Placed = Pick<TracedStep, 'actor' | 'kind' | 'address'>

/** The same under another dependence. @param isFixed whether the order of two steps is fixed by themselves */
export function classUnder<S extends Placed>(
  trace: readonly S[],
  isFixed: (trace: readonly S[], before: number, at: number) => boolean,
): string {
  const clocks: number[][] = []
  const actors = Math.max(...trace.map(step => step.actor)) + 1
  const lines: string[][] = Array.from({ length: actors }, () => [])
  trace.forEach((step, at) => {
    const clock = new Array<number>(actors).fill(0)
    for (let before = 0; before < at; before++) {
      if (isFixed(trace, before, at)) for (let a = 0; a < actors; a++) clock[a] = Math.max(clock[a], clocks[before][a])
    }
    clock[step.actor]++
    clocks.push(clock)
    lines[step.actor].push(`${step.kind}@${step.address}(${clock})`)
  })
  return lines.map(steps => steps.join(' ')).join('\n')
}

/** Whether the order of two steps is fixed by themselves, not only by others between them. */
function isBefore(trace: readonly TracedStep[], before: number, at: number): boolean {
  const [a, b] = [trace[before], trace[at]]
  if (a.actor === b.actor || dependent(a, b)) return true
  // A spinning thread that goes because nobody else can.
  if ((b.eligible & (1 << b.actor)) === 0) return true
  return awaits(trace, before, b) || awaits(trace, at, a)
}

/** Whether the thread was spinning and had looked for what another step did since it last changed something itself. */
function awaits(trace: readonly TracedStep[], at: number, other: TracedStep): boolean {
  const { actor, did, kind } = trace[at]
  if ((did & DID.awakened) === 0 || kind === OP.wake) return false
  for (let step = at - 1; step >= 0; step--) {
    const look = trace[step]
    if (look.actor !== actor) continue
    if ((look.did & DID.change) !== 0) return false
    const wanted = look.kind === OP.notify ? DID.sleep : look.kind === OP.wake ? 0 : DID.change
    if (look.address === other.address && (other.did & wanted) !== 0) return true
  }
  return false
}
