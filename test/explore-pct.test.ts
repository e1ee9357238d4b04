/**
 * The promise of PCT's paper, on programs whose bugs have a known depth: one execution finds a bug of depth d with a
 * probability of at least 1 / (n · k^(d-1)).
 *
 * Each claim about a probability fails wrongly with less than 1e-7 (exact binomial bounds), all together with less than
 * 1e-6; the seeds are fixed, so a test that passes once passes always.
 */
import t, { type Test } from 'tap'
import { proportionInterval } from '../results/statistics.ts'
import { type Board, HEAD } from '../torture/explore/schedule/board.ts'
import { OP } from '../torture/explore/schedule/ops.ts'
import { Pct } from '../torture/explore/strategies/pct.ts'
import {
  load,
  machineFor,
  notify,
  type Outcome,
  type Program,
  type RunOptions,
  runOnce,
  store,
  wait,
} from './helpers/machine.ts'

const WRONGLY = 1e-7

interface Buggy {
  readonly programs: readonly Program[]
  /** Most choices of an execution, known by construction. */
  readonly choices: number
  readonly isHit: (outcome: Outcome) => boolean
  readonly options?: RunOptions
}

interface Seen {
  readonly hits: number
  readonly trials: number
  readonly choices: number
}

function sample({ programs, isHit, options }: Buggy, depth: number, trials: number): Seen {
  const machine = machineFor(programs.length, scratch => new Pct(scratch, depth))
  let hits = 0
  let choices = 0
  // The first execution is the probe that k is learnt from.
  for (let execution = 0; execution <= trials; execution++) {
    const outcome = runOnce(machine, programs, { ...options, execution })!
    choices = Math.max(choices, machine.board.head[HEAD.choices])
    if (execution > 0 && isHit(outcome)) hits++
  }
  return { hits, trials, choices }
}

const intervalOf = ({ hits, trials }: Seen) => proportionInterval(hits, trials, 1 - 2 * WRONGLY)

function* touch(cell: number, times: number) {
  for (let n = 0; n < times; n++) yield* load(cell)
}

/** When a thread's n-th step (its beginning is step 0) was done. */
const at = ({ schedule }: Outcome, thread: number, step: number): number => {
  let seen = 0
  return schedule.findIndex(actor => actor === thread && seen++ === step)
}

/** Of `others + 1` threads the first has to be through before all others begin: it has to have the highest priority. */
const first = (others: number): Buggy => ({
  programs: Array.from({ length: others + 1 }, () => () => touch(0, 3)),
  choices: 4 * others,
  isHit: outcome => at(outcome, 0, 3) < Math.min(...Array.from({ length: others }, (_, n) => at(outcome, n + 1, 0))),
})

/** The second thread's operation has to come between two neighbouring ones of the first: PCT's worst case for d = 2. */
const between = (operations: number): Buggy => ({
  programs: [() => touch(0, operations), () => store(1, 1)],
  choices: operations + 2,
  isHit: outcome => {
    const middle = operations >> 1
    return at(outcome, 1, 1) > at(outcome, 0, middle) && at(outcome, 1, 1) < at(outcome, 0, middle + 1)
  },
})

/** The same at the very last step at which there is a choice. */
const beforeLast = (operations: number): Buggy => ({
  programs: [() => touch(0, operations), () => store(1, 1)],
  choices: operations,
  isHit: ({ schedule }) => schedule.at(-2) === 1,
  options: { opening: 'start' },
})

/** a1 b1 a2 b2, in the middle of long threads: three switches at given places. */
const zigzag = (operations: number): Buggy => ({
  programs: [() => touch(0, operations), () => touch(1, operations)],
  choices: 2 * operations + 1,
  isHit: outcome => {
    const middle = operations >> 1
    const [a1, a2] = [at(outcome, 0, middle), at(outcome, 0, middle + 1)]
    const [b1, b2] = [at(outcome, 1, middle), at(outcome, 1, middle + 1)]
    return a1 < b1 && b1 < a2 && a2 < b2
  },
})

/** The same, for a thread that sleeps while the first half is done, if it was there in time: steps without a choice. */
const afterSleep = (operations: number): Buggy => ({
  programs: [
    function* () {
      yield* touch(0, operations)
      yield* store(2, 1)
      yield* notify(2)
      yield* touch(0, operations)
    },
    function* () {
      yield* wait(2, 0)
      yield* store(1, 1)
    },
  ],
  // All steps but the last, if the sleeper comes too late to sleep.
  choices: 2 * operations + 5,
  isHit: ({ schedule, trace }) => {
    const stored = trace.findIndex(({ actor, kind }) => actor === 1 && kind === OP.store)
    const before = schedule.slice(0, stored).filter(actor => actor === 0).length
    return before === 1 + operations + 2 + (operations >> 1)
  },
})

function promise(t: Test, name: string, buggy: Buggy, depth: number, trials: number): void {
  const seen = sample(buggy, depth, trials)
  const bound = 1 / (buggy.programs.length * buggy.choices ** (depth - 1))
  const { low, high } = intervalOf(seen)
  t.equal(seen.choices, buggy.choices, `${name}: k is what it was built to be`)
  t.ok(high >= bound, `${name}: found ${seen.hits} times in ${trials}, promised ${(bound * trials).toFixed(1)}`)
  t.comment(`${low.toFixed(5)} … ${high.toFixed(5)}, promised ${bound.toFixed(5)}`)
}

t.test('bugs of depth 1 are found with 1/n', async t => {
  for (const others of [1, 2, 4]) promise(t, `${others + 1} threads`, first(others), 1, 4000)
})

t.test('bugs of depth 2 are found with 1/(n k)', async t => {
  for (const operations of [4, 16, 40]) promise(t, `${operations} operations`, between(operations), 2, 8000)
  promise(t, 'at the end', beforeLast(16), 2, 8000)
  promise(t, 'a sleeping thread', afterSleep(8), 2, 8000)
})

t.test('bugs of depth 3 are found with 1/(n k k)', async t => {
  for (const operations of [4, 8]) promise(t, `twice ${operations} operations`, zigzag(operations), 3, 15_000)
})

t.test('with a fall too few a bug is never found: so many switches there cannot be', async t => {
  t.equal(sample(between(8), 1, 1000).hits, 0, 'depth 2')
  t.equal(sample(zigzag(4), 2, 3000).hits, 0, 'depth 3')
})

t.test('with falls too many the promise for a smaller depth does not hold', async t => {
  const { high } = intervalOf(sample(first(1), 3, 4000))
  t.ok(high < 1 / 2, `a bug of depth 1 is found with at most ${high.toFixed(3)} by PCT(3)`)
  // Surplus falls at the first step change nothing, which is what is left of it.
  promise(t, 'the promise for the greater depth', { ...first(1), choices: 7 }, 3, 4000)
})

t.test('k is the most choices of an earlier execution, and at least 1', async t => {
  const machine = machineFor(2, scratch => new Pct(scratch, 2))
  t.equal(machine.strategy.longest, 1)
  const programs = [() => touch(0, 6), () => touch(0, 6)]
  const seen = [1]
  for (let execution = 0; execution < 200; execution++) {
    if (machine.strategy.longest !== Math.max(...seen)) t.fail(`${machine.strategy.longest} after ${seen}`)
    runOnce(machine, programs, { execution })
    seen.push(machine.board.head[HEAD.choices])
  }
  t.equal(machine.strategy.longest, 13, 'all steps but the last')
  const starved = [() => touch(0, 30), () => touch(0, 30)]
  machine.board.head[HEAD.fairAfter] = 20
  for (let execution = 0; execution < 20; execution++) runOnce(machine, starved, { execution })
  t.equal(machine.strategy.longest, 13, 'without those that were brought to their end by lot')
})

t.test('priorities are distinct at every choice', async t => {
  class Watched extends Pct {
    override choose(board: Board): number {
      const actor = super.choose(board)
      const priorities = [...board.scratch(0).subarray(1, 1 + 2 * board.threads)]
      if (new Set(priorities).size !== priorities.length) t.fail(`${priorities}`)
      return actor
    }
  }
  for (const threads of [1, 2, 5, 15]) {
    const machine = machineFor(threads, scratch => new Watched(scratch, 4))
    const programs = Array.from({ length: threads }, () => () => touch(0, 5))
    for (let execution = 0; execution < 100; execution++) runOnce(machine, programs, { execution })
  }
  t.pass('never two the same')
})
