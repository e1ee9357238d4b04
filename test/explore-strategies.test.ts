/**
 * What all strategies that draw lots have in common, and what each of them promises.
 *
 * Claims about probabilities fail wrongly with less than 1e-6 all together (exact binomial bounds, shared out among the
 * things that are counted); the seeds are fixed, so a test that passes once passes always.
 */
import t, { type Test } from 'tap'
import { proportionInterval } from '../results/statistics.ts'
import { sizeOf } from '../torture/explore/schedule/board.ts'
import { DID } from '../torture/explore/schedule/ops.ts'
import { Pct } from '../torture/explore/strategies/pct.ts'
import { Pos } from '../torture/explore/strategies/pos.ts'
import { RandomWalk } from '../torture/explore/strategies/random.ts'
import type { Strategy } from '../torture/explore/strategies/strategy.ts'
import { Urw } from '../torture/explore/strategies/urw.ts'
import { everySchedule } from './helpers/everything.ts'
import { generate } from './helpers/generated.ts'
import { KNOWN_BUGS } from './helpers/known-bugs.ts'
import {
  compareExchange,
  load,
  machineFor,
  type Program,
  type RunOptions,
  runOnce,
  store,
  wait,
} from './helpers/machine.ts'

type Make = (scratch: Int32Array) => Strategy
const STRATEGIES: Readonly<Record<string, Make>> = {
  random: () => new RandomWalk(),
  'pct(1)': scratch => new Pct(scratch, 1),
  'pct(3)': scratch => new Pct(scratch, 3),
  pos: scratch => new Pos(scratch),
  urw: scratch => new Urw(scratch),
}
const WRONGLY = 1e-6

/** The schedules of so many executions. */
function schedulesOf(make: Make, programs: readonly Program[], executions: number, options: RunOptions = {}): string[] {
  const machine = machineFor(programs.length, make)
  return Array.from({ length: executions }, (_, execution) =>
    runOnce(machine, programs, { ...options, execution })!.schedule.join(''),
  )
}

/** Asserts of each choice that it was one. */
const checked =
  (t: Test, make: Make, counts: { choices: number }): Make =>
  scratch => {
    const strategy = make(scratch)
    return {
      name: strategy.name,
      begin: board => strategy.begin(board),
      choose: board => {
        const { eligible } = board
        const chosen = strategy.choose(board)
        counts.choices++
        if (board.eligible !== eligible || (eligible & (1 << chosen)) === 0)
          t.fail(`${chosen} of ${eligible.toString(2)}`)
        return chosen
      },
      end: board => strategy.end(board),
    }
  }

/** One object for each thread over the same scratch, asked by turns. */
const perThread =
  (make: Make): Make =>
  scratch => {
    const each = [make(scratch), make(scratch), make(scratch)]
    return {
      name: each[0].name,
      begin: board => each[0].begin(board),
      choose: board => each[(board.last + 1) % each.length].choose(board),
      end: board => each[0].end(board),
    }
  }

for (const [name, make] of Object.entries(STRATEGIES)) {
  t.test(name, async t => {
    t.test('chooses only who can go', async t => {
      const counts = { choices: 0 }
      const machines = [2, 3, 4, 5].map(threads => machineFor(threads, checked(t, make, counts)))
      for (let seed = 1; seed <= 2000; seed++) {
        const threads = 2 + (seed % 4)
        const { programs } = generate(seed, { threads, pieces: 4, fails: seed % 3 === 0, spins: seed % 100 === 0 })
        runOnce(machines[threads - 2], programs, { seed, spins: true })
      }
      t.ok(counts.choices > 20_000, `${counts.choices} choices`)
    })

    t.test('does the same for the same seed, and something else for another one', async t => {
      for (let seed = 1; seed <= 10; seed++) {
        const { programs, text } = generate(seed, { threads: 3, pieces: 5 })
        const once = schedulesOf(make, programs, 40, { seed })
        t.same(schedulesOf(make, programs, 40, { seed }), once, text)
        t.notSame(schedulesOf(make, programs, 40, { seed: seed + 1000 }), once, text)
      }
    })

    t.test('has all its state in the scratch: any thread may ask', async t => {
      for (let seed = 1; seed <= 10; seed++) {
        const { programs, text } = generate(seed, { threads: 4, pieces: 5 })
        t.same(schedulesOf(perThread(make), programs, 40, { seed }), schedulesOf(make, programs, 40, { seed }), text)
      }
    })
  })
}

/** Asserts how often each of several things came. The bound is shared out among them. */
function comeAs(t: Test, seen: readonly string[], expected: ReadonlyMap<string, number>, claims = 1): void {
  const counts = new Map<string, number>()
  for (const one of seen) counts.set(one, (counts.get(one) ?? 0) + 1)
  t.same(
    [...counts.keys()].filter(one => !expected.has(one)),
    [],
    'nothing else comes',
  )
  const sure = 1 - (2 * WRONGLY) / (claims * expected.size)
  const off = [...expected].filter(([one, probability]) => {
    const { low, high } = proportionInterval(counts.get(one) ?? 0, seen.length, sure)
    return probability < low || probability > high
  })
  t.same(off, [], `${expected.size} as often as they should`)
}

const loads = (count: number, cell = 0): Program =>
  function* () {
    for (let n = 0; n < count; n++) yield* load(cell)
  }

/** Without the steps that begin the bodies. */
const START: RunOptions = { opening: 'start' }

t.test('random: each that can go is as likely as the others, at each step', async t => {
  const programs = [loads(2), loads(1), () => wait(1, 0, 10)]
  const expected = new Map<string, number>()
  for (const { schedule, trace } of everySchedule(programs, START)) {
    const probability = trace
      .filter(({ did }) => (did & DID.chosen) !== 0)
      .reduce((product, { eligible }) => product / sizeOf(eligible), 1)
    expected.set(schedule.join(''), probability)
  }
  comeAs(t, schedulesOf(STRATEGIES.random, programs, 6000, START), expected, 10)
})

t.test('urw: all interleavings are equally likely once the lengths are known', async t => {
  for (const lengths of [
    [1, 5],
    [2, 3],
    [1, 2, 2],
  ]) {
    const programs = lengths.map(length => loads(length))
    const every = [...everySchedule(programs, START)].map(({ schedule }) => schedule.join(''))
    const [, ...seen] = schedulesOf(STRATEGIES.urw, programs, 4001, START)
    comeAs(t, seen, new Map(every.map(one => [one, 1 / every.length])), 10)
  }
})

/** How often the only operation of the first thread comes last. */
function lastOf(t: Test, programs: readonly Program[], probability: number): void {
  const seen = schedulesOf(STRATEGIES.pos, programs, 4000, START).map(schedule => String(schedule.endsWith('0')))
  const expected = new Map([
    ['true', probability],
    ['false', 1 - probability],
  ])
  comeAs(t, seen, expected, 10)
}

t.test('pos: a priority holds as long as nothing races with the operation', async t => {
  // The lowest of all draws.
  for (const length of [1, 4, 9]) lastOf(t, [() => store(0, 1), loads(length, 1)], 1 / (length + 1))
  // Reads do not race with each other.
  lastOf(t, [loads(1), loads(4)], 1 / 5)
})

t.test('pos: after a race both draw again', async t => {
  const races: Program[] = [
    () => store(0, 1),
    () => compareExchange(0, 7, 8), // It changes nothing, but who knows before?
  ]
  for (const first of races) lastOf(t, [first, loads(4)], 1 / 2 ** 4)
  // What is drawn for a timed wait holds as well.
  lastOf(t, [() => store(1, 1), loads(3)], 1 / 4)
})

/** Executions until the bug is found; Infinity: not within `most`. */
function executionsToFind(make: Make, bug: string, seed: number, most: number): number {
  const { programs, cells, isFound } = KNOWN_BUGS[bug]
  const machine = machineFor(programs.length, make)
  for (let execution = 0; execution < most; execution++)
    if (isFound(runOnce(machine, programs, { seed, execution, ...(cells && { cells }) })!)) return execution + 1
  return Number.POSITIVE_INFINITY
}

t.test('each strategy finds each kind of bug that it can find', async t => {
  // The least likely of them (POS, Treiber ABA) is found once in some 300 executions: e^-66 to miss it.
  const most = 20_000
  for (const bug of Object.keys(KNOWN_BUGS)) {
    for (const name of ['random', 'pct(3)', 'pos', 'urw']) {
      // Once in 2^22 executions: the walk has to choose the same thread all the time.
      if (name === 'random' && bug === 'order bug') continue
      const found = [1, 2, 3, 4, 5].map(seed => executionsToFind(STRATEGIES[name], bug, seed, most))
      t.ok(Math.max(...found) <= most, `${name}, ${bug}: ${found}`)
    }
  }
})

t.test('without a fall, PCT finds only what needs no preemption', async t => {
  t.ok(executionsToFind(STRATEGIES['pct(1)'], 'order bug', 1, 100) <= 100, 'order bug')
  for (const bug of ['lost update', 'three switches', 'lost wake-up', 'Treiber ABA'])
    t.equal(executionsToFind(STRATEGIES['pct(1)'], bug, 1, 1000), Number.POSITIVE_INFINITY, bug)
})
