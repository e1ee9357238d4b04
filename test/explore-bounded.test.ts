/** Iterative context bounding against brute force: each schedule with so many preemptions, once. */
import t from 'tap'
import { type Board, ENDING, HEAD } from '../torture/explore/schedule/board.ts'
import { Bounded } from '../torture/explore/strategies/bounded.ts'
import { everySchedule } from './helpers/everything.ts'
import { generate } from './helpers/generated.ts'
import {
  add,
  gate,
  load,
  type Machine,
  machineFor,
  type Outcome,
  type Program,
  type RunOptions,
  runOnce,
  store,
} from './helpers/machine.ts'

const OPTIONS: RunOptions = { opening: 'start', spins: true, spinBound: 100 }

const bounded = (programs: readonly Program[]): Machine<Bounded> =>
  machineFor(programs.length, scratch => new Bounded(scratch))

const nameOf = ({ schedule }: Outcome): string => schedule.join('')

interface Pass {
  readonly schedules: string[]
  /** The bound that was complete when it was over. */
  completed: number
}

/** What was done within each bound. */
function passes(machine: Machine<Bounded>, programs: readonly Program[], options = OPTIONS): Pass[] {
  const { strategy } = machine
  const done: Pass[] = []
  for (;;) {
    const { bound } = strategy
    const outcome = runOnce(machine, programs, options)
    if (outcome === undefined) return done
    done[bound] ??= { schedules: [], completed: -1 }
    done[bound].schedules.push(nameOf(outcome))
    done[bound].completed = strategy.completed
  }
}

for (const shape of [
  { threads: 2, pieces: 3 },
  { threads: 3, pieces: 1 },
  { threads: 2, pieces: 3, spins: true },
  { threads: 2, pieces: 3, fails: true },
]) {
  t.test(`programs like ${JSON.stringify(shape)}: all schedules within each bound, each once`, async t => {
    for (let seed = 0; seed < 15; seed++) {
      const { programs, text } = generate(seed, shape)
      const all = Array.from(
        everySchedule(programs, OPTIONS),
        outcome => [outcome.preemptions, nameOf(outcome)] as const,
      )
      const done = passes(bounded(programs), programs)
      const most = Math.max(...all.map(([preemptions]) => preemptions))
      t.equal(done.length, most + 1, `${text}: up to ${most} preemptions`)
      for (const [bound, { schedules, completed }] of done.entries()) {
        const wanted = all.filter(([preemptions]) => preemptions <= bound).map(([, name]) => name)
        t.strictSame(schedules.sort(), wanted.sort(), `${text}: ${bound}`)
        t.equal(completed, bound)
      }
    }
  })
}

const increment: Program = function* () {
  yield* store(0, (yield* load(0)) + 1)
}
const gated: Program = function* (thread) {
  yield* gate()
  yield* increment(thread)
}
const twice = [increment, increment]

t.test('two increments: 2 schedules without a preemption, 4 with one, then 8, 4 and 2', async t => {
  const machine = bounded(twice)
  t.equal(machine.strategy.bound, 0)
  t.equal(machine.strategy.completed, -1)
  const counts = passes(machine, twice, {}).map(({ schedules }) => schedules.length)
  t.same(counts, [2, 6, 14, 18, 20])
  t.equal(machine.strategy.completed, 4)
  t.equal(machine.strategy.begin(), false)
})

t.test('who has not got past its gate has not begun, and cannot be preempted', async t => {
  const programs = [gated, gated]
  const counts = passes(bounded(programs), programs, { opening: 'gate' }).map(({ schedules }) => schedules.length)
  t.same(counts, [2, 6, 14, 18, 20])
})

t.test('an update is lost with one preemption, not without', async t => {
  const machine = bounded(twice)
  const lost = [0, 1].map(bound => {
    const sums: number[] = []
    while (machine.strategy.bound === bound) sums.push(runOnce(machine, twice)!.memory[0])
    return sums.filter(sum => sum !== 2).length
  })
  t.equal(lost[0], 0)
  t.ok(lost[1] > 0)
})

t.test('threads that never can be switched at have nothing to preempt', async t => {
  const programs: Program[] = [
    function* () {
      yield* add(0, 1)
      yield* add(0, 1)
    },
  ]
  const machine = bounded(programs)
  t.equal(passes(machine, programs).length, 1)
  t.equal(machine.strategy.completed, 0)
})

t.test('it begins again after a reset', async t => {
  const machine = bounded(twice)
  while (machine.strategy.bound < 2) runOnce(machine, twice)
  t.equal(machine.strategy.completed, 1)
  machine.strategy.reset()
  t.equal(machine.strategy.bound, 0)
  t.equal(machine.strategy.completed, -1)
  t.equal(passes(machine, twice, {})[4].schedules.length, 20)
})

t.test('no bound is complete if not all choices could be kept', async t => {
  const machine = machineFor(2, () => new Bounded(new Int32Array(0), new Int32Array(2)))
  for (let n = 0; n < 10 && runOnce(machine, twice, OPTIONS) !== undefined; n++);
  t.equal(machine.strategy.completed, -1)
})

t.test('nor if an execution was cut off', async t => {
  class CutOff extends Bounded {
    override end(board: Board): void {
      board.head[HEAD.ending] = ENDING.cutOff
      super.end(board)
    }
  }
  const machine = machineFor(2, scratch => new CutOff(scratch))
  for (let n = 0; n < 10 && runOnce(machine, twice, OPTIONS) !== undefined; n++);
  t.equal(machine.strategy.completed, -1)
})

t.test('programs that do not repeat themselves are noticed', async t => {
  let runs = 0
  const programs: Program[] = [
    increment,
    function* () {
      if (++runs < 4) yield* increment(1)
    },
  ]
  const machine = bounded(programs)
  for (let n = 0; n < 10 && runOnce(machine, programs, OPTIONS) !== undefined; n++);
  t.equal(machine.strategy.diverged, true)
  t.equal(machine.strategy.begin(), false)
})
