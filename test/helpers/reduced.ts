/** Executions of the partial-order reduction, and what they come to. */
import { ENDING } from '../../torture/explore/schedule/board.ts'
import { DID } from '../../torture/explore/schedule/ops.ts'
import { Dpor } from '../../torture/explore/strategies/dpor.ts'
import { classOf, everySchedule } from './everything.ts'
import {
  load,
  type Machine,
  machineFor,
  type Outcome,
  type Program,
  type RunOptions,
  runAll,
  store,
} from './machine.ts'

export const OPTIONS: RunOptions = { opening: 'start', spins: true, spinBound: 100 }

export const dpor = (programs: readonly Program[]): Machine<Dpor> =>
  machineFor(programs.length, scratch => new Dpor(scratch))

/** What can be told of an execution afterwards: a failure is its thread and error, whatever the others have done. */
export const finalOf = ({ ending, culprit, thrown, memory, returned }: Outcome): string =>
  ending === ENDING.failed
    ? `${culprit} failed: ${(thrown as Error).message}`
    : `${ending} ${memory.join('').replace(/0*$/, '')} ${returned.join('/')}`

export interface Found {
  /** How often, by class. */
  readonly classes: Map<string, number>
  readonly finals: Set<string>
  readonly executions: number
  /** Most choices of an execution. */
  readonly choices: number
  /** Whether executions of the same class ended alike. */
  readonly alike: boolean
}

export function collect(outcomes: Iterable<Outcome>): Found {
  const classes = new Map<string, number>()
  const ends = new Map<string, string>()
  const finals = new Set<string>()
  let [executions, choices, alike] = [0, 0, true]
  for (const outcome of outcomes) {
    const name = classOf(outcome.trace)
    const final = finalOf(outcome)
    classes.set(name, (classes.get(name) ?? 0) + 1)
    if ((ends.get(name) ?? final) !== final) alike = false
    ends.set(name, final)
    finals.add(final)
    executions++
    choices = Math.max(choices, outcome.trace.filter(({ did }) => (did & DID.chosen) !== 0).length)
  }
  return { classes, finals, executions, choices, alike }
}

/** Explores all, and says what is wrong with that: nothing, as it should be. */
export function compare(
  programs: readonly Program[],
  options: RunOptions,
): { wrong: string; classes: number; all: number } {
  const all = collect(everySchedule(programs, options))
  const machine = dpor(programs)
  const { strategy } = machine
  const found = collect(runAll(machine, programs, options))
  const missing = [...all.classes.keys()].filter(name => !found.classes.has(name)).length
  const lost = [...all.finals].filter(final => !found.finals.has(final))
  const wrong = [
    ...(all.alike ? [] : ['executions of a class that end differently']),
    ...(strategy.classes !== all.classes.size ? [`${strategy.classes} classes of ${all.classes.size}`] : []),
    ...(missing > 0 ? [`${missing} missing`] : []),
    ...(lost.length > 0 ? [`not found: ${lost.join(', ')}`] : []),
    ...(strategy.classes + strategy.redundant !== found.executions ? ['executions do not add up'] : []),
    ...(!strategy.exhausted ? ['not exhausted'] : []),
    ...(programs.length === 2 && strategy.redundant > 0 ? [`${strategy.redundant} redundant`] : []),
  ]
  return { wrong: wrong.join('; '), classes: all.classes.size, all: all.executions }
}

export const increment: Program = function* () {
  yield* store(0, (yield* load(0)) + 1)
}
export const times = (count: number, program: Program): Program[] => Array.from({ length: count }, () => program)
