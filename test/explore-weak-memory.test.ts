/**
 * Weaker memory: what the explorer can come to is what the models allow, all of it and nothing else. Every litmus test
 * in every model, and programs made up from a seed, against brute force; and the searches by chance find all of it.
 */
import t, { type Test } from 'tap'
import type { Board } from '../torture/explore/schedule/board.ts'
import { SharedRandom } from '../torture/explore/schedule/random.ts'
import { Pct } from '../torture/explore/strategies/pct.ts'
import { Pos } from '../torture/explore/strategies/pos.ts'
import { RandomWalk } from '../torture/explore/strategies/random.ts'
import { Replay } from '../torture/explore/strategies/replay.ts'
import type { Strategy } from '../torture/explore/strategies/strategy.ts'
import type { Scenario } from '../torture/scenario.ts'
import { type Model, outcomesOf } from './helpers/models.ts'
import { record, type Subject, subjectOf } from './helpers/recorded.ts'
import { Everything, WeakMachine } from './helpers/weak-machine.ts'

const LITMUS = '2-2w corr corw cowr coww iriw isa2 lb mp r s sb wrc wait-count wait-visible'.split(' ')
const MODELS: readonly Model[] = ['sc', 'tso', 'pso']
const ACCESSES = ['atomic', 'release-acquire', 'relaxed']

const sorted = (set: Iterable<string>): string[] => [...set].sort()

function everything(subject: Subject, model: Model): Set<string> {
  const all = new Everything()
  const machine = new WeakMachine(subject, model, () => [all])
  record()
  const found = new Set<string>()
  do found.add(machine.run(0).outcome)
  while (!all.over)
  return found
}

for (const name of LITMUS)
  t.test(`litmus ${name}`, async t => {
    const { default: scenario } = (await import(`../scenarios/litmus/${name}.ts`)) as { default: Scenario }
    for (const access of scenario.params === undefined ? ['atomic'] : ACCESSES) {
      for (const model of MODELS) {
        const subject = subjectOf(scenario, { access })
        record()
        const allowed = sorted(outcomesOf(subject, model))
        t.strictSame(sorted(everything(subject, model)), allowed, `${access} ${model}: ${allowed.length} outcomes`)
        if (access !== 'relaxed') continue
        t.strictSame(sorted(byChance(t, subject, model, allowed.length)), allowed, `${model}: chance finds them`)
      }
    }
  })

/** Executions by chance, at most; the draws are those of fixed seeds. */
const DRAWN = 4000
/** As in a search, the first one is for replays. */
const drawn = (board: Board): readonly Strategy[] => [
  new Replay(board.scratch(0), new Int32Array(new SharedArrayBuffer(1 << 12))),
  new RandomWalk(),
  new Pct(board.scratch(2), 2),
  new Pct(board.scratch(3), 3),
  new Pos(board.scratch(4)),
]

/** By chance until all that is wanted was seen; each execution is done again by its schedule. */
function byChance(t: Test, subject: Subject, model: Model, wanted: number): Set<string> {
  const machine = new WeakMachine(subject, model, drawn)
  record()
  const replay = machine.strategies[0] as Replay
  const found = new Set<string>()
  for (let execution = 0; execution < DRAWN && found.size < wanted; execution++) {
    const { outcome, schedule } = machine.run(1 + (execution % 4), { execution, holdsBack: execution % 8 > 3 })
    found.add(outcome)
    for (const strict of [true, false]) {
      replay.set(schedule, { strict })
      const again = machine.run(0)
      if (again.outcome !== outcome || again.schedule.join() !== schedule.join())
        t.strictSame(again, { outcome, schedule }, `a replay, ${strict ? 'strict' : 'lenient'}`)
    }
  }
  return found
}

type Order = 'full' | 'relaxed' | 'acquire' | 'release'
/** One operation of a little program, on one of two cells. */
interface Step {
  readonly text: string
  readonly run: (w: Int32Array) => number
}

const X = 0
const Y = 1
const said = (order: Order) => (order === 'full' ? undefined : order)
const step = (text: string, order: Order, run: Step['run']): Step => ({ text: `${text} ${order}`, run })
const load = (cell: number, order: Order): Step => step(`load ${cell}`, order, w => Atomics.load(w, cell, said(order)))
const store = (cell: number, value: number, order: Order): Step =>
  step(`store ${cell} ${value}`, order, w => Atomics.store(w, cell, value, said(order)))
const add = (cell: number, value: number, order: Order): Step =>
  step(`add ${cell} ${value}`, order, w => Atomics.add(w, cell, value, said(order)))
const exchange = (cell: number, value: number, order: Order): Step =>
  step(`exchange ${cell} ${value}`, order, w => Atomics.exchange(w, cell, value, said(order)))
const cas = (cell: number, from: number, to: number, order: Order): Step =>
  step(`cas ${cell} ${from} ${to}`, order, w => Atomics.compareExchange(w, cell, from, to, said(order)))

/** An outcome is what each thread's operations returned, one digit each, and what is in the cells in the end. */
function programOf(threads: readonly (readonly Step[])[]): Subject & { readonly text: string } {
  const w = new Int32Array(new SharedArrayBuffer(8))
  return {
    text: threads.map(all => all.map(({ text }) => text).join('; ')).join(' | '),
    bodies: threads.map(all => () => all.map(({ run }) => run(w)).join('')),
    cells: [w.subarray(0, 1), w.subarray(1, 2)],
    outcome: returned => `${returned.join(' ')} ${w.join('')}`,
  }
}

const ORDERS: readonly Order[] = ['full', 'relaxed', 'acquire', 'release']
const [FULL, RELAXED, ACQUIRE, RELEASE] = ORDERS

/**
 * Read-modify-writes in the places of loads and stores: with which orders an outcome is allowed that no interleaving
 * explains.
 */
const PATTERNS: readonly {
  readonly name: string
  readonly threads: (order: Order) => readonly (readonly Step[])[]
  readonly outcome: string
  readonly with: readonly Order[]
}[] = [
  {
    name: 'message passing, announced by a read-modify-write',
    threads: order => [
      [store(X, 1, RELAXED), add(Y, 1, order)],
      [load(Y, ACQUIRE), load(X, RELAXED)],
    ],
    outcome: '10 10 11',
    with: [RELAXED, ACQUIRE],
  },
  {
    name: 'message passing, received by a read-modify-write',
    threads: order => [
      [store(X, 1, RELAXED), store(Y, 1, RELEASE)],
      [add(Y, 1, order), load(X, RELAXED)],
    ],
    outcome: '11 10 12',
    with: [RELAXED, RELEASE],
  },
  {
    name: 'message passing, received by an exchange that fails',
    threads: order => [
      [store(X, 1, RELAXED), store(Y, 1, RELEASE)],
      [cas(Y, 0, 2, order), load(X, RELAXED)],
    ],
    outcome: '11 10 11',
    with: [RELAXED, RELEASE],
  },
  {
    name: 'store buffering with read-modify-writes',
    threads: order => [
      [exchange(X, 1, order), load(Y, RELAXED)],
      [exchange(Y, 1, order), load(X, RELAXED)],
    ],
    outcome: '00 00 11',
    with: [RELAXED, ACQUIRE, RELEASE],
  },
  {
    name: 'a count that is odd while a writer is at work, and a store that overtakes it',
    threads: order => [
      [add(Y, 1, order), store(X, 1, RELAXED)],
      [load(X, ACQUIRE), load(Y, RELAXED)],
    ],
    outcome: '01 10 11',
    with: [RELAXED, ACQUIRE, RELEASE],
  },
  {
    name: 'the last one out, which does not see what the other one did',
    threads: order => [
      [store(X, 1, RELAXED), add(Y, 1, order)],
      [add(Y, 1, ACQUIRE), load(X, RELAXED)],
    ],
    outcome: '10 10 12',
    with: [RELAXED, ACQUIRE],
  },
  {
    name: 'a release that a relaxed read-modify-write passes on',
    threads: order => [
      [store(X, 1, RELAXED), store(Y, 1, RELEASE)],
      [add(Y, 1, order)],
      [load(Y, ACQUIRE), load(X, RELAXED)],
    ],
    outcome: '11 1 20 12',
    with: [],
  },
  {
    name: 'an acquire of what a read-modify-write of its own has left there',
    threads: order => [
      [store(X, 1, RELAXED), add(Y, 1, order)],
      [add(Y, 1, RELAXED), load(Y, ACQUIRE), load(X, RELAXED)],
    ],
    outcome: '10 120 12',
    with: [RELAXED, ACQUIRE],
  },
  {
    name: 'two that take a lock',
    threads: order => [[cas(X, 0, 1, order)], [cas(X, 0, 1, order)]],
    outcome: '0 0 10',
    with: [],
  },
  {
    name: 'a cell that is found as it was twice',
    threads: order => [
      [store(X, 1, FULL), store(Y, 1, FULL)],
      [load(Y, RELAXED), load(X, order === RELEASE ? RELAXED : order), load(X, RELAXED)],
    ],
    outcome: '11 100 11',
    with: [RELAXED, ACQUIRE, RELEASE],
  },
]

for (const { name, threads, outcome, with: allowing } of PATTERNS)
  t.test(name, async t => {
    for (const order of ORDERS) {
      const subject = programOf(threads(order))
      record()
      const allowed = outcomesOf(subject, 'pso')
      t.equal(
        allowed.has(outcome),
        allowing.includes(order),
        `${order}: ${allowing.includes(order) ? '' : 'not '}allowed`,
      )
      t.strictSame(sorted(everything(subject, 'pso')), sorted(allowed), `${order}: all of it is found`)
      t.strictSame(sorted(byChance(t, subject, 'pso', allowed.size)), sorted(allowed), `${order}: chance finds it`)
      t.notOk(everything(subject, 'tso').has(outcome), `${order}: read-modify-writes are barriers under tso`)
    }
  })

function operation(random: SharedRandom, cell: number): Step {
  const order = ORDERS[random.below(4)]
  const value = 1 + random.below(2)
  return [
    () => load(cell, order === RELEASE ? ACQUIRE : order),
    () => store(cell, value, order === ACQUIRE ? RELEASE : order),
    () => add(cell, value, order),
    () => exchange(cell, value, order),
    () => cas(cell, 0, value, order),
  ][random.below(5)]()
}

/** Threads meet at two cells in opposite orders, as in most litmus tests, or by chance. */
const SHAPES: readonly { readonly programs: number; readonly cells: readonly (readonly number[])[] }[] = [
  {
    programs: 100,
    cells: [
      [X, Y],
      [Y, X],
    ],
  },
  {
    programs: 25,
    cells: [
      [X, Y],
      [Y, X, X],
    ],
  },
  {
    programs: 20,
    cells: [
      [X, Y, Y],
      [Y, X],
    ],
  },
  { programs: 8, cells: [[X, Y], [Y], [Y, X]] },
]

for (const { programs, cells } of SHAPES)
  t.test(`${programs} programs that touch ${cells.map(own => own.join('')).join(' | ')}`, async t => {
    const random = new SharedRandom(new Uint32Array(4))
    random.seed(1)
    let outcomes = 0
    for (let n = 0; n < programs; n++) {
      const subject = programOf(cells.map(own => own.map(cell => operation(random, cell))))
      for (const model of ['tso', 'pso'] as const) {
        record()
        const allowed = sorted(outcomesOf(subject, model))
        outcomes += allowed.length
        const found = sorted(everything(subject, model))
        if (found.join() !== allowed.join()) t.strictSame(found, allowed, `${model}: ${subject.text}`)
      }
    }
    t.ok(outcomes > 3 * programs, `${outcomes} outcomes`)
  })
