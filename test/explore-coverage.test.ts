/** What an exploration says that it is worth: never more than is true. */
import t from 'tap'
import { ACTOR, Board } from '../torture/explore/schedule/board.ts'
import { DID, dependent, OP } from '../torture/explore/schedule/ops.ts'
import { SharedRandom } from '../torture/explore/schedule/random.ts'
import { ClassHash } from '../torture/explore/search/class-hash.ts'
import {
  certificate,
  confidence,
  excludedByBound,
  excludedByPct,
  missedByPct,
} from '../torture/explore/search/coverage.ts'
import { Novelty } from '../torture/explore/search/novelty.ts'
import { RandomWalk } from '../torture/explore/strategies/random.ts'
import { classOf, Everything } from './helpers/everything.ts'
import { generate } from './helpers/generated.ts'
import {
  add,
  load,
  machineFor,
  type Program,
  type RunOptions,
  runAll,
  runOnce,
  type Steps,
  store,
} from './helpers/machine.ts'

t.test('a confidence is rounded down, and is never 100%', async t => {
  const texts = (misses: readonly number[]) => misses.map(confidence)
  t.same(texts([1, 0.991, 0.99, 0.5, 0.101, 0.1]), ['less than 1%', 'less than 1%', '1%', '50%', '89%', '90.0%'])
  t.same(texts([0.0501, 0.003, 0.0031, 0.001]), ['94.9%', '99.7%', '99.6%', '99.90%'])
  t.same(texts([0.00099, 0.0001, 0.000_099, 1e-6, 1e-300, 0]), [
    '99.90%',
    '99.99%',
    ...Array(4).fill('more than 99.99%'),
  ])
  for (let n = 0; n <= 10_000; n++) {
    const said = Number.parseFloat(confidence(n / 10_000).replace(/less than 1%/, '0'))
    if (said > 100 - n / 100 + 1e-9) t.fail(`${said}% where ${n / 10_000} is missed`)
  }
})

t.test('what PCT excludes is 1 - (1 - 1/(n k^(d-1)))^N, for the depth that it was run with', async t => {
  t.equal(missedByPct(1, 1, 2, 41).toFixed(12), (1 / 2).toFixed(12))
  t.equal(missedByPct(2, 100, 2, 41).toFixed(12), ((1 - 1 / 82) ** 100).toFixed(12))
  t.equal(missedByPct(3, 5000, 3, 41).toFixed(12), ((1 - 1 / (3 * 41 ** 2)) ** 5000).toFixed(12))
  t.equal(missedByPct(2, 10, 2, 0), missedByPct(2, 10, 2, 1), 'k is at least 1')
  t.same(excludedByPct({ threads: 2, choices: 41, executions: { 2: 480, 3: 1234 } }), [
    'bugs of depth 2 or less: excluded with 99.7% (PCT, 480 executions, n=2, k=41)',
    'bugs of depth 3 or less: excluded with 30% (PCT, 1,234 executions, n=2, k=41)',
  ])
  t.same(excludedByPct({ threads: 4, choices: 1200, executions: { 1: 0, 2: 1, 3: 0 } }), [
    'bugs of depth 2 or less: excluded with less than 1% (PCT, 1 execution, n=4, k=1,200)',
  ])
  t.same(excludedByPct({ threads: 2, choices: 5, executions: { 1: 1_000_000 } }), [
    'bugs of depth 1: excluded with more than 99.99% (PCT, 1,000,000 executions, n=2, k=5)',
  ])
})

t.test('what bounds and the reduction exclude', async t => {
  t.same(excludedByBound(-1), [])
  t.same(excludedByBound(0), ['every schedule without a preemption was tried'])
  t.same(excludedByBound(1), ['every schedule with at most 1 preemption was tried'])
  t.same(excludedByBound(2), ['every schedule with at most 2 preemptions was tried'])
  t.equal(certificate({ classes: 1412, bounds: [] }), 'all 1,412 classes of interleavings explored')
  t.equal(certificate({ classes: 1, bounds: ['a', 'b'] }), 'the only class of interleavings explored, within a; b')
})

/** How the hashes of some executions and their classes belong together. */
function hashesOf(programs: readonly Program[], options: RunOptions) {
  const machine = machineFor(programs.length, () => new Everything())
  const hash = new ClassHash()
  const hashes = new Map<string, Set<string>>()
  const classes = new Map<string, Set<string>>()
  let schedules = 0
  for (const { trace } of runAll(machine, programs, options)) {
    hash.take(machine.board)
    const both = `${hash.high} ${hash.low}`
    const name = classOf(trace)
    hashes.set(name, (hashes.get(name) ?? new Set()).add(both))
    classes.set(both, (classes.get(both) ?? new Set()).add(name))
    if (++schedules >= 2000) break
  }
  const most = (sets: Iterable<Set<string>>) => Math.max(...[...sets].map(set => set.size))
  return { classes: hashes.size, hashesOfOne: most(hashes.values()), classesOfOne: most(classes.values()) }
}

t.test('executions have the same hash if and only if they are of the same class', async t => {
  let classes = 0
  for (let seed = 1; seed <= 120; seed++) {
    const threads = 2 + (seed % 2)
    const { programs, text } = generate(seed, { threads, pieces: threads === 2 ? 4 : 2, fails: seed % 3 === 0 })
    const found = hashesOf(programs, { opening: 'start' })
    t.match(found, { hashesOfOne: 1, classesOfOne: 1 }, text)
    classes += found.classes
  }
  t.ok(classes > 1000, `${classes} classes`)
})

t.test('threads that spin: executions of one class have the same hash', async t => {
  function* spin(): Steps<void> {
    while ((yield* load(0)) === 0 && (yield* load(1)) === 0);
    yield* add(2, 1)
  }
  const stores = [0, 1].map(cell => () => store(cell, 1))
  for (const programs of [
    [spin, ...stores],
    [spin, spin, stores[0]],
  ]) {
    const { classes, hashesOfOne } = hashesOf(programs, { opening: 'start', spins: true })
    t.equal(hashesOfOne, 1, `${classes} classes`)
  }
})

interface Made {
  readonly actor: number
  readonly kind: number
  readonly did: number
  readonly address: number
  readonly bytes: number
}

const KINDS: readonly (readonly [kind: number, did: number])[] = [
  [OP.load, 0],
  [OP.store, DID.write],
  [OP.add, DID.write | DID.change],
  [OP.compareExchange, 0],
  [OP.wait, 0],
  [OP.wait, DID.sleep],
  [OP.wake, 0],
  [OP.wake, DID.awakened],
  [OP.notify, 0],
  [OP.clock, 0],
]

/** Steps on a few overlapping cells of all widths. Whether they could have come about does not matter. */
function makeUp(random: SharedRandom, steps: number): Made[] {
  return Array.from({ length: steps }, () => {
    const [kind, did] = KINDS[random.below(KINDS.length)]
    const waits = kind >= OP.wait && kind <= OP.notify
    const bytes = 2 ** (waits ? 2 + random.below(2) : random.below(4))
    return { actor: random.below(3), kind, did, address: 64 + bytes * random.below(24 / bytes), bytes }
  })
}

const BOARD = new Board(3)

function hashOf(steps: readonly Made[]): string {
  BOARD.reset(1, 1, [0, 0, 0], false)
  for (const { actor, kind, did, address, bytes } of steps) {
    BOARD.set(actor, ACTOR.kind, kind)
    BOARD.set(actor, ACTOR.address, address)
    BOARD.set(actor, ACTOR.bytes, bytes)
    BOARD.note(actor, did, 7, 0, 0)
  }
  const hash = new ClassHash()
  hash.take(BOARD)
  return `${hash.high} ${hash.low}`
}

t.test('two neighbouring steps can be swapped without a trace if and only if they are independent', async t => {
  const random = new SharedRandom(new Uint32Array(4))
  random.seed(1)
  const seen = { dependent: 0, independent: 0 }
  for (let n = 0; n < 4000; n++) {
    const steps = makeUp(random, 12)
    const at = random.below(11)
    const [a, b] = [steps[at], steps[at + 1]]
    if (a.actor === b.actor) continue
    const swapped = hashOf(steps.with(at, b).with(at + 1, a))
    const matters = dependent(a, b)
    seen[matters ? 'dependent' : 'independent']++
    if ((swapped !== hashOf(steps)) !== matters) t.fail(JSON.stringify([steps, at]))
  }
  t.ok(seen.dependent > 300 && seen.independent > 300, JSON.stringify(seen))
})

t.test('many cells are no problem', async t => {
  const steps = Array.from({ length: 5000 }, (_, n) => ({
    actor: n % 3,
    kind: OP.store,
    did: DID.write,
    address: 64 + 8 * n,
    bytes: 4,
  }))
  t.equal(hashOf(steps), hashOf(steps.toSorted((a, b) => a.actor - b.actor)))
  t.not(hashOf(steps), hashOf([...steps.slice(0, 4998), { ...steps[4998], address: 64 }, steps[4999]]))
})

function* addTwice(): Steps<void> {
  yield* add(0, 1)
  yield* add(0, 1)
}

t.test('the share of new classes falls to nothing when all have been seen', async t => {
  const machine = machineFor(2, () => new RandomWalk())
  const programs = [addTwice, addTwice]
  const novelty = new Novelty()
  t.equal(novelty.perThousand, 0, 'nothing yet')
  for (let execution = 0; execution < 20; execution++) {
    runOnce(machine, programs, { execution, opening: 'start' })
    novelty.add(machine.board)
  }
  t.equal(novelty.perThousand, 50 * novelty.classes, 'scaled up')
  for (let execution = 20; execution < 3000; execution++) {
    runOnce(machine, programs, { execution, opening: 'start' })
    novelty.add(machine.board)
  }
  // Four additions to one cell, in any order: 4 over 2. Each comes once in 8 times or more.
  t.equal(novelty.classes, 6)
  t.equal(novelty.perThousand, 0)
})

t.test('what is not remembered counts as new', async t => {
  const machine = machineFor(2, () => new RandomWalk())
  const programs = [addTwice, addTwice]
  const novelty = new Novelty(2)
  for (let execution = 0; execution < 3000; execution++) {
    runOnce(machine, programs, { execution, opening: 'start' })
    novelty.add(machine.board)
  }
  t.equal(novelty.classes, 2)
  t.ok(novelty.perThousand > 500, `${novelty.perThousand}`)
})

t.test('the set holds many classes', async t => {
  const novelty = new Novelty()
  for (let n = 0; n < 20_000; n++) {
    hashOf(
      Array.from({ length: 15 }, (_, bit) => ({
        actor: 0,
        kind: ((n >> bit) & 1) === 1 ? OP.load : OP.store,
        did: 0,
        address: 64,
        bytes: 4,
      })),
    )
    novelty.add(BOARD)
    if (n === 9999) t.equal(novelty.classes, 10_000)
  }
  t.equal(novelty.classes, 20_000)
  t.equal(novelty.perThousand, 1000)
})

t.test('of long executions some are looked at', async t => {
  const novelty = new Novelty()
  const long = Array.from({ length: 4 * 16 }, () => ({ actor: 0, kind: OP.load, did: 0, address: 64, bytes: 4 }))
  for (let n = 0; n < 1000; n++) {
    hashOf([...long, { ...long[0], address: 64 + 8 * n }])
    novelty.add(BOARD)
  }
  t.ok(novelty.classes > 150 && novelty.classes < 250, `${novelty.classes} of 1000, one in five`)
  t.equal(novelty.perThousand, 1000)
})
