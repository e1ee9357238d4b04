/**
 * What happened before what in real time is no matter of cells: executions that are the same to all threads may have
 * different histories. With recorded calls the reduction explores each of them, which brute force says.
 */
import t from 'tap'
import { DID } from '../torture/explore/schedule/ops.ts'
import { Dpor } from '../torture/explore/strategies/dpor.ts'
import { classOf, everySchedule } from './helpers/everything.ts'
import { generate } from './helpers/generated.ts'
import { machineFor, type Outcome, type Program, type RunOptions, runAll, type TracedStep } from './helpers/machine.ts'

const OPTIONS: RunOptions = { opening: 'start', spins: true, spinBound: 100 }

/** For each call, how many of each thread's calls had ended when it began; and what the threads returned. */
function historyOf({ trace, returned }: Outcome): string {
  const calls: { readonly actor: number; readonly first: number; last: number }[] = []
  const open: (typeof calls)[number][] = []
  for (const [step, { actor, did }] of trace.entries() as Iterable<[number, TracedStep]>) {
    if ((did & DID.begins) !== 0) {
      open[actor] = { actor, first: step, last: step }
      calls.push(open[actor])
    } else if (open[actor] !== undefined) open[actor].last = step
  }
  const endedBefore = (step: number) =>
    returned.map((_, actor) => calls.filter(c => c.actor === actor && c.last < step).length)
  const byThread = returned.map((_, actor) =>
    calls.filter(c => c.actor === actor).map(c => endedBefore(c.first).join('')),
  )
  return `${byThread.map(thread => thread.join(' ')).join(' | ')} ${returned.join('/')}`
}

const shapes = [
  { threads: 2, pieces: 2, calls: true },
  { threads: 2, pieces: 3, calls: true },
  { threads: 3, pieces: 1, calls: true },
  { threads: 2, pieces: 2, calls: true, spins: true },
] as const

for (const shape of shapes) {
  t.test(`${shape.threads} threads of ${shape.pieces} calls${'spins' in shape ? ' that spin' : ''}`, async t => {
    let [histories, without, classes, all] = [0, 0, 0, 0]
    for (let seed = 0; seed < 25; seed++) {
      const { programs, text } = generate(seed, shape)
      const everything = [...everySchedule(programs, OPTIONS)]
      const expected = new Set(everything.map(historyOf))
      const machine = machineFor(programs.length, scratch => new Dpor(scratch))
      const explored = [...runAll(machine, programs, OPTIONS)]
      const found = new Set(explored.map(historyOf))
      const lost = [...expected].filter(history => !found.has(history))
      if (lost.length > 0) t.fail(`${seed}: ${text}: ${lost.length} of ${expected.size} histories are missing`)
      if (!machine.strategy.exhausted) t.fail(`${seed}: ${text}: not exhausted`)
      const distinct = new Set(everything.map(({ trace }) => classOf(trace))).size
      if (machine.strategy.classes !== distinct)
        t.fail(`${seed}: ${text}: ${machine.strategy.classes} classes of ${distinct}`)
      histories += expected.size
      without += foundWithout(programs, seed, shape)
      classes += machine.strategy.classes
      all += everything.length
    }
    t.ok(classes <= all, `${classes} classes of ${all} schedules, ${histories} histories`)
    t.ok(without < histories, `${without} of them would have been found if only the cells mattered`)
  })
}

/** Histories among the executions that represent all others if calls are of no interest. */
function foundWithout(marked: readonly Program[], seed: number, shape: (typeof shapes)[number]): number {
  const { programs } = generate(seed, { ...shape, calls: false })
  const machine = machineFor(programs.length, scratch => new Dpor(scratch))
  const schedules = new Set<string>()
  for (const { schedule } of runAll(machine, programs, OPTIONS)) schedules.add(schedule.join())
  const histories = new Set<string>()
  for (const outcome of everySchedule(marked, OPTIONS))
    if (schedules.has(outcome.schedule.join())) histories.add(historyOf(outcome))
  return histories.size
}
