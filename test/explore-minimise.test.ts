/**
 * What the minimiser returns fails, and is 1-minimal: every removal of a context switch or an operation, tried here one
 * by one with code of its own, loses the failure or removes nothing.
 */
import t, { type Test } from 'tap'
import { ENDING, MOST_STEPS } from '../torture/explore/schedule/board.ts'
import { encodeSchedule, type Schedule } from '../torture/explore/schedule/schedule.ts'
import { type Attempt, type Cost, type Minimised, minimise } from '../torture/explore/search/minimise.ts'
import { RandomWalk } from '../torture/explore/strategies/random.ts'
import { Replay } from '../torture/explore/strategies/replay.ts'
import { generate } from './helpers/generated.ts'
import {
  add,
  compareExchange,
  load,
  machineFor,
  notify,
  type Outcome,
  type Program,
  type RunOptions,
  runOnce,
  type Steps,
  store,
  wait,
} from './helpers/machine.ts'

/** Programs that fail under some schedules. */
interface Bug {
  readonly options?: RunOptions
  /** How often `more()` says yes, by thread. */
  readonly ops: readonly number[]
  readonly programs: (ops: readonly number[]) => Program[]
  readonly fails: (outcome: Outcome) => boolean
}

const BUDGET = { attempts: 100_000, ms: 600_000 }

/** Carries schedules out leniently. */
function attempts({ programs, options, fails, ops: usual }: Bug): (schedule: Schedule) => Attempt {
  const machine = machineFor(usual.length, scratch => new Replay(scratch, new Int32Array(MOST_STEPS)))
  return ({ round, ops = usual, actors }) => {
    machine.strategy.set(actors, { strict: false })
    const outcome = runOnce(machine, programs(ops), { spins: true, ...options })!
    const actual = { round, ops, actors: outcome.schedule }
    return { failed: fails(outcome), actual, preemptions: outcome.preemptions }
  }
}

/** Of so many random executions the failing one with the most steps. */
function worstOf(bug: Bug, executions: number, seed = 1): Schedule | undefined {
  const machine = machineFor(bug.ops.length, () => new RandomWalk())
  let worst: Schedule | undefined
  for (let execution = 0; execution < executions; execution++) {
    const outcome = runOnce(machine, bug.programs(bug.ops), { spins: true, ...bug.options, seed, execution })!
    if (!bug.fails(outcome) || (worst !== undefined && worst.actors.length >= outcome.schedule.length)) continue
    worst = { round: 0, ops: bug.ops, actors: outcome.schedule }
  }
  return worst
}

const isCheaper = (a: Cost, b: Cost): boolean => {
  const order = (['preemptions', 'switches', 'steps', 'calls'] as const).map(part => a[part] - b[part])
  return (order.find(difference => difference !== 0) ?? 0) < 0
}

const costOf = ({ actual: { actors, ops }, preemptions }: Attempt): Cost => ({
  preemptions,
  switches: actors.filter((actor, step) => step > 0 && actor !== actors[step - 1]).length,
  steps: actors.length,
  calls: ops!.reduce((sum, n) => sum + n, 0),
})

/** Every schedule that lacks one operation or one context switch of the given one. */
function* removals({ actors, ops, ...rest }: Schedule): Generator<Schedule> {
  for (let step = 0; step < actors.length; step++)
    yield { ...rest, ops: ops!, actors: actors.filter((_, s) => s !== step) }
  for (let thread = 0; thread < ops!.length; thread++)
    if (ops![thread] > 0) yield { ...rest, actors, ops: ops!.map((n, other) => (other === thread ? n - 1 : n)) }
  for (let from = 0; from < actors.length; from++) {
    if (from > 0 && actors[from] === actors[from - 1]) continue
    const actor = actors[from]
    let to = from
    while (actors[to] === actor) to++
    const before = actors.lastIndexOf(actor, from - 1)
    const after = actors.indexOf(actor, to)
    const turn = actors.slice(from, to)
    const [head, tail] = [actors.slice(0, from), actors.slice(to)]
    if (from > 0 && before >= 0)
      yield { ...rest, ops: ops!, actors: [...head.slice(0, before + 1), ...turn, ...head.slice(before + 1), ...tail] }
    if (after >= 0)
      yield { ...rest, ops: ops!, actors: [...head, ...actors.slice(to, after), ...turn, ...actors.slice(after)] }
  }
}

async function minimised(t: Test, bug: Bug, name: string): Promise<Minimised> {
  const found = worstOf(bug, 500)
  if (found === undefined) throw new Error(`${name}: not found`)
  const attempt = attempts(bug)
  const result = await minimise(found, attempt, BUDGET)
  const { schedule, cost, minimal } = result
  const text = encodeSchedule(schedule.actors, bug.ops.length)
  t.ok(minimal, `${name}: nothing is left to try after ${result.tried} executions`)
  const again = attempt(schedule)
  t.ok(again.failed, `${name}: ${text} fails`)
  t.strictSame(again.actual, schedule, 'what was done is what is said')
  t.strictSame(costOf(again), cost)
  t.notOk(isCheaper(costOf(attempt(found)), cost), 'it is not worse than what was found')
  for (const simpler of removals(schedule)) {
    const without = attempt(simpler)
    if (without.failed && isCheaper(costOf(without), cost))
      t.fail(`${name}: ${text} is not minimal: ${encodeSchedule(without.actual.actors, bug.ops.length)} fails too`)
  }
  t.strictSame(await minimise(found, attempt, BUDGET), result, 'the same every time')
  return result
}

/** What distinguishes executions of programs. */
const outcomeKey = ({ memory, returned, ending }: Outcome): string => JSON.stringify([ending, [...memory], returned])

/** The least likely outcome of random programs is taken for a failure. */
function randomBug(seed: number): Bug {
  const threads = 2 + (seed % 2)
  const { programs } = generate(seed, { threads, pieces: 9 - 2 * threads })
  const options: RunOptions = seed % 5 === 0 ? { opening: 'start' } : {}
  const counts = new Map<string, number>()
  const machine = machineFor(threads, () => new RandomWalk())
  for (let execution = 0; execution < 500; execution++) {
    const key = outcomeKey(runOnce(machine, programs, { ...options, execution })!)
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  const [rare] = [...counts].reduce((a, b) => (b[1] < a[1] ? b : a))
  return {
    options,
    ops: programs.map(() => 1),
    programs: () => [...programs],
    fails: made => outcomeKey(made) === rare,
  }
}

t.test('the rarest outcomes of random programs', async t => {
  let preemptions = 0
  for (let seed = 1; seed <= 24; seed++) {
    const { cost } = await minimised(t, randomBug(seed), `seed ${seed}`)
    preemptions += cost.preemptions
  }
  t.ok(preemptions >= 24, `they are not the trivial ones: ${preemptions} preemptions in 24 bugs`)
})

function* locked(times: number): Steps<void> {
  for (let n = 0; n < times; n++) {
    while ((yield* compareExchange(0, 0, 1)) !== 0);
    yield* add(1, 1)
    yield* store(0, 0)
  }
}

const lostUpdate: Bug = {
  ops: [4, 4, 4],
  programs: ops =>
    ops.map(
      times =>
        function* () {
          for (let n = 0; n < times; n++) yield* store(0, (yield* load(0)) + 1)
          return times
        },
    ),
  fails: ({ memory, returned }) => memory[0] !== (returned as number[]).reduce((sum, times) => sum + times, 0),
}

t.test('a lost update is two threads, one call each, and one preemption', async t => {
  const { schedule, cost } = await minimised(t, lostUpdate, 'lost update')
  t.strictSame(cost, { preemptions: 1, switches: 3, steps: 7, calls: 2 })
  t.equal(schedule.ops!.filter(n => n === 1).length, 2)
  t.equal(schedule.ops!.filter(n => n === 0).length, 1, 'the third thread has nothing to do')
})

t.test('three ordered preemptions stay three', async t => {
  const order: Bug = {
    ops: [1, 1],
    programs: () => [
      function* () {
        for (let n = 0; n < 8; n++) yield* add(1, 1)
        for (let phase = 0; phase < 6; phase += 2) yield* compareExchange(0, phase, phase + 1)
      },
      function* () {
        for (let n = 0; n < 8; n++) yield* add(2, 1)
        for (let phase = 1; phase < 6; phase += 2) yield* compareExchange(0, phase, phase + 1)
        if ((yield* load(0)) === 6) throw new Error('in order')
      },
    ],
    fails: ({ ending }) => ending === ENDING.failed,
  }
  const { cost } = await minimised(t, order, 'order')
  t.equal(cost.preemptions, 4, 'the execution ends with the failure, in the middle of nothing')
})

t.test('a failure in the fourth round that can happen in the first one does', async t => {
  const looksAndTakes: Bug = {
    ops: [4, 4, 4],
    programs: ops =>
      ops.map(
        times =>
          function* () {
            for (let n = 0; n < times; n++) {
              while ((yield* load(0)) !== 0);
              yield* store(0, 1)
              if ((yield* add(1, 1)) !== 0) throw new Error('two are inside')
              yield* add(1, -1)
              yield* store(0, 0)
            }
          },
      ),
    fails: ({ ending }) => ending === ENDING.failed,
  }
  const simplest = { preemptions: 2, switches: 2, steps: 8, calls: 2 }
  t.strictSame((await minimised(t, looksAndTakes, 'lock')).cost, simplest)
  const attempt = attempts(looksAndTakes)
  for (let seed = 1; seed <= 20; seed++) {
    const found = worstOf(looksAndTakes, 20, seed)!
    const { cost } = await minimise(found, attempt, BUDGET)
    t.strictSame(cost, simplest, `from ${encodeSchedule(found.actors, 3)}`)
  }
})

t.test('where a thread can as well be let run to its end, it is not preempted', async t => {
  const setter = (cell: number): Program =>
    function* () {
      yield* store(cell, 1)
      for (let n = 0; n < 8; n++) yield* add(2, 1)
    }
  const order: Bug = {
    ops: [1, 1, 1],
    programs: () => [
      function* () {
        if ((yield* load(0)) + (yield* load(1)) === 2) throw new Error('too late')
      },
      setter(0),
      setter(1),
    ],
    fails: ({ ending }) => ending === ENDING.failed,
  }
  const { cost } = await minimised(t, order, 'order')
  t.strictSame(cost, { preemptions: 0, switches: 2, steps: 23, calls: 0 })
})

t.test('a wake-up is lost in a wait that comes too late', async t => {
  const lostWakeUp: Bug = {
    ops: [3, 3],
    programs: ops => [
      function* () {
        yield* locked(ops[0])
        if ((yield* load(2)) === 0) yield* wait(3, 0)
      },
      function* () {
        yield* locked(ops[1])
        yield* store(2, 1)
        yield* notify(3)
      },
    ],
    fails: ({ ending }) => ending === ENDING.deadlock,
  }
  const { schedule, cost } = await minimised(t, lostWakeUp, 'lost wake-up')
  t.strictSame(schedule.ops, [0, 0], 'the lock has no part in it')
  t.strictSame(cost, { preemptions: 1, switches: 2, steps: 6, calls: 0 })
})

t.test('a livelock', async t => {
  const selfish: Bug = {
    ops: [1, 1],
    programs: () =>
      [0, 1].map(
        mine =>
          function* () {
            yield* add(5, 1)
            while ((yield* exchangeIfFree(mine)) !== 0);
            while ((yield* exchangeIfFree(1 - mine)) !== 0);
            yield* store(0, 0)
            yield* store(1, 0)
          },
      ),
    fails: ({ ending }) => ending === ENDING.livelock,
  }
  const result = await minimise(worstOf(selfish, 50)!, trimmed(attempts(selfish)), BUDGET)
  t.ok(result.minimal)
  t.match(result.cost, { preemptions: 1, switches: 2 })
})

const exchangeIfFree = (cell: number) => compareExchange(cell, 0, 1)

/** Without the steps that only show that it is a livelock, as the search does it. */
const trimmed =
  (attempt: (schedule: Schedule) => Attempt) =>
  (schedule: Schedule): Attempt => {
    const made = attempt(schedule)
    const { actors } = made.actual
    return made.failed ? { ...made, actual: { ...made.actual, actors: actors.slice(0, 10) } } : made
  }

t.test('the budget holds, and is told', async t => {
  const found = worstOf(lostUpdate, 100)!
  const attempt = attempts(lostUpdate)
  let carried = 0
  const counting = (schedule: Schedule) => {
    carried++
    return attempt(schedule)
  }
  const few = await minimise(found, counting, { attempts: 5, ms: 600_000 })
  t.match(few, { minimal: false, tried: 5 })
  t.equal(carried, 5)
  t.ok(attempt(few.schedule).failed, 'what was reached by then still fails')
  const late = await minimise(found, attempt, { attempts: 100_000, ms: 0 })
  t.match(late, { minimal: false, tried: 1 })
  carried = 0
  const hurried = await minimise(found, counting, { ...BUDGET, enough: () => carried === 7 })
  t.match(hurried, { minimal: false, tried: 7 })
})

t.test('what does not fail comes back as it was', async t => {
  const good: Schedule = { round: 3, ops: [1, 1, 1], actors: [0, 0, 0, 1, 1, 1] }
  const result = await minimise(good, attempts(lostUpdate), BUDGET)
  t.match(result, { schedule: good, tried: 1, minimal: false })
})

t.test('an attempt may be a promise, and the round stays', async t => {
  const attempt = attempts(lostUpdate)
  const found = { ...worstOf(lostUpdate, 100)!, round: 17 }
  const result = await minimise(found, async schedule => attempt(schedule), BUDGET)
  t.equal(result.schedule.round, 17)
  t.ok(result.minimal)
})
