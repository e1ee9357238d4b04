/** The partial-order reduction against brute force, and against counts that are known. */
import t from 'tap'
import { everySchedule } from './helpers/everything.ts'
import { generate, type Shape } from './helpers/generated.ts'
import {
  add,
  addressOf,
  clock,
  compareExchange,
  gate,
  load,
  type Machine,
  notify,
  type Program,
  runAll,
  store,
  wait,
} from './helpers/machine.ts'
import { collect, compare, dpor, finalOf, increment, OPTIONS, times } from './helpers/reduced.ts'

const generated: [string, Shape, number][] = [
  ['two threads', { threads: 2, pieces: 3 }, 40],
  ['two longer threads', { threads: 2, pieces: 4 }, 15],
  ['three threads', { threads: 3, pieces: 2 }, 15],
  ['four threads', { threads: 4, pieces: 1 }, 15],
  ['two threads that spin', { threads: 2, pieces: 3, spins: true }, 30],
  ['two longer threads that spin', { threads: 2, pieces: 4, spins: true }, 25],
  ['three threads that spin', { threads: 3, pieces: 2, spins: true }, 12],
]
for (const [name, shape, programs] of generated) {
  t.test(`${programs} made-up programs of ${name}: each class exactly once`, async t => {
    let classes = 0
    let all = 0
    for (let seed = 0; seed < programs; seed++) {
      const { programs, text } = generate(seed, shape)
      const compared = compare(programs, OPTIONS)
      if (compared.wrong !== '') t.fail(`${seed}: ${text}: ${compared.wrong}`)
      classes += compared.classes
      all += compared.all
    }
    t.ok(classes < all / 2, `${classes} classes of ${all} schedules`)
  })
}

t.test('programs that once were not explored in full', async t => {
  const spin: Program = function* () {
    for (;;) {
      if ((yield* load(0)) === 3) return
      if ((yield* load(1)) === 2) return
    }
  }
  const stores = (...writes: [number, number][]): Program =>
    function* () {
      for (const [cell, value] of writes) yield* store(cell, value)
    }
  const either = [spin, stores([1, 2]), stores([1, 2], [1, 0])]
  t.equal(compare(either, OPTIONS).wrong, '', 'one of two changes ends the loop, or rouses in vain')
  const both = [spin, stores([0, 2], [1, 2]), stores([0, 2], [0, 0])]
  t.equal(compare(both, OPTIONS).wrong, '', 'either of two changes rouses')
  for (const [seed, shape] of [
    [56, { threads: 3, pieces: 2, spins: true }],
    [51, { threads: 3, pieces: 2 }],
  ] as const) {
    const { programs, text } = generate(seed, shape)
    t.equal(compare(programs, OPTIONS).wrong, '', text)
  }
})

for (const shape of [
  { threads: 2, pieces: 3, fails: true },
  { threads: 3, pieces: 2, fails: true },
  { threads: 2, pieces: 3, fails: true, spins: true },
]) {
  t.test(`each failure of ${shape.threads} threads${shape.spins ? ' that spin' : ''} is found`, async t => {
    let failures = 0
    for (let seed = 0; seed < 20; seed++) {
      const { programs, text } = generate(seed, shape)
      const wanted = new Set(Array.from(everySchedule(programs, OPTIONS), finalOf))
      const machine = dpor(programs)
      const found = new Set(Array.from(runAll(machine, programs, OPTIONS), finalOf))
      const lost = [...wanted].filter(final => !found.has(final))
      if (lost.length > 0) t.fail(`${seed}: ${text}: ${lost}`)
      failures += [...wanted].filter(final => final.includes('failed')).length
    }
    t.ok(failures > 2, `${failures} failures`)
  })
}

const writer: Program = function* (thread) {
  yield* store(0, thread + 1)
}
const reader: Program = function* () {
  yield* load(0)
}
const alone: Program = function* (thread) {
  for (let n = 0; n < 5; n++) yield* add(thread, 1)
}

/** Flanagan and Godefroid's: threads put four messages each into a hash table; from 12 threads on they collide. */
const indexer: Program = function* (thread) {
  const size = 128
  for (let message = 1; message <= 4; message++) {
    const word = message * 11 + thread
    let at = (word * 7) % size
    while ((yield* compareExchange(at, 0, word)) !== 0) at = (at + 1) % size
  }
}

/** Abdulla et al.'s: one thread looks for the last zero, the others fill the array. */
const lastZero = (count: number): Program[] => [
  function* () {
    let at = count
    while ((yield* load(at)) !== 0) at--
  },
  ...times(count, function* (thread) {
    yield* store(thread, (yield* load(thread - 1)) + 1)
  }),
]

const sleepers = (count: number): Program[] => [
  ...times(count, function* () {
    return yield* wait(0, 0)
  }),
  function* () {
    yield* store(0, 1)
    yield* notify(0)
  },
]

const known: [string, readonly Program[], number][] = [
  ['two writers', times(2, writer), 2],
  ['three writers', times(3, writer), 6],
  ['five writers', times(5, writer), 120],
  ['readers', times(5, reader), 1],
  ['two readers and a writer', [reader, reader, writer], 4],
  ['threads that do not meet', times(5, alone), 1],
  ['two increments', times(2, increment), 4],
  ['three increments', times(3, increment), 36],
  ['indexer, 2 threads', times(2, indexer), 1],
  ['indexer, 11 threads', times(11, indexer), 1],
  ['indexer, 12 threads', times(12, indexer), 8],
  ['indexer, 13 threads', times(13, indexer), 64],
  ['last zero of 5', lastZero(5), 64],
  ['last zero of 7', lastZero(7), 10 * 2 ** 5],
  // k of n sleep, in some order, and each of the others looks after the store, before or after the notify.
  ['two sleepers', sleepers(2), 4 + 2 * 2 + 2],
  ['three sleepers', sleepers(3), 8 + 3 * 4 + 6 * 2 + 6],
]
for (const [name, programs, classes] of known) {
  t.test(`${name}: ${classes} classes`, async t => {
    const machine = dpor(programs)
    const found = collect(runAll(machine, programs))
    t.equal(machine.strategy.classes, classes)
    t.equal(found.classes.size, classes)
    t.equal(machine.strategy.exhausted, true)
    t.equal(machine.strategy.begin(), false)
  })
}

t.test('redundant executions are few', async t => {
  const machine = dpor(lastZero(7))
  collect(runAll(machine, lastZero(7)))
  const { classes, redundant } = machine.strategy
  t.ok(redundant < classes, `${redundant} redundant, ${classes} classes`)
})

t.test('what is done while handles are opened is not reordered', async t => {
  const program: Program = function* () {
    yield* add(0, 1)
    yield* gate()
    yield* add(1, 1)
  }
  const machine = dpor(times(3, program))
  collect(runAll(machine, times(3, program), { opening: 'gate' }))
  t.equal(machine.strategy.classes, 6)
  t.equal(machine.strategy.exhausted, true)
})

const sleepsFor = (ms: number): Program =>
  function* (thread) {
    return `${yield* wait(thread, 0, ms)} at ${yield* clock()}`
  }

t.test('when a wait that times out began is seen by whoever reads the clock', async t => {
  t.equal(compare([sleepsFor(10), sleepsFor(1000)], OPTIONS).wrong, '')
  t.equal(compare([sleepsFor(10), sleepsFor(1000), sleepsFor(30)], OPTIONS).wrong, '')
  const reader: Program = function* () {
    return yield* clock()
  }
  t.equal(compare([sleepsFor(10), reader], OPTIONS).wrong, '')
  const finds: Program = function* (thread) {
    const result = yield* wait(2, thread, 10)
    return `${result} at ${yield* clock()}`
  }
  t.equal(compare([finds, times(1, increment)[0], sleepsFor(30)], OPTIONS).wrong, '')
})

/** All contents of the cells that are ever there between two steps. */
function states(machine: Machine, programs: readonly Program[]): Set<string> {
  const seen = new Set<string>()
  for (const { trace } of runAll(machine, programs)) {
    const cells = [0, 0, 0]
    for (const { address, wrote, did } of trace) {
      if (did !== 0) cells[(address - addressOf(0)) / 4] = wrote
      seen.add(cells.join())
    }
  }
  return seen
}

t.test('if something looks at all cells after every step, all contents are seen', async t => {
  const programs: Program[] = times(3, function* (thread) {
    yield* store(thread, 1)
    yield* store(thread, 2)
  })
  const machine = dpor(programs)
  t.ok(states(machine, programs).size < 27, 'one class would do otherwise')
  t.equal(machine.strategy.classes, 1)
  machine.strategy.reset(true)
  t.equal(states(machine, programs).size, 27)
  t.equal(machine.strategy.classes, 90, '6! / (2!)^3 orders of the changes')
  t.equal(machine.strategy.exhausted, true)
})
