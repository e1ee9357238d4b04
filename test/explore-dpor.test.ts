/** The partial-order reduction against brute force, and against counts that are known. */
import t from 'tap'
import { type Board, ENDING, HEAD } from '../torture/explore/schedule/board.ts'
import { DID } from '../torture/explore/schedule/ops.ts'
import { Scheduler } from '../torture/explore/schedule/scheduler.ts'
import { Bounded } from '../torture/explore/strategies/bounded.ts'
import { Dpor } from '../torture/explore/strategies/dpor.ts'
import { SLEEP_SET_WORDS } from '../torture/explore/strategies/sleep-set.ts'
import { classOf, everySchedule } from './helpers/everything.ts'
import { generate, type Shape } from './helpers/generated.ts'
import {
  add,
  addressOf,
  clock,
  compareExchange,
  gate,
  load,
  type Machine,
  machineFor,
  notify,
  type Outcome,
  type Program,
  type RunOptions,
  runAll,
  runOnce,
  store,
  wait,
} from './helpers/machine.ts'

const OPTIONS: RunOptions = { opening: 'start', spins: true, spinBound: 100 }

const dpor = (programs: readonly Program[]): Machine<Dpor> => machineFor(programs.length, scratch => new Dpor(scratch))

/** What can be told of an execution afterwards: a failure is its thread and error, whatever the others have done. */
const finalOf = ({ ending, culprit, thrown, memory, returned }: Outcome): string =>
  ending === ENDING.failed
    ? `${culprit} failed: ${(thrown as Error).message}`
    : `${ending} ${memory.join('').replace(/0*$/, '')} ${returned.join('/')}`

interface Found {
  /** How often, by class. */
  readonly classes: Map<string, number>
  readonly finals: Set<string>
  readonly executions: number
  /** Most choices of an execution. */
  readonly choices: number
  /** Whether executions of the same class ended alike. */
  readonly alike: boolean
}

function collect(outcomes: Iterable<Outcome>): Found {
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
function compare(programs: readonly Program[], options: RunOptions): { wrong: string; classes: number; all: number } {
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
const increment: Program = function* () {
  yield* store(0, (yield* load(0)) + 1)
}
const alone: Program = function* (thread) {
  for (let n = 0; n < 5; n++) yield* add(thread, 1)
}
const times = (count: number, program: Program): Program[] => Array.from({ length: count }, () => program)

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

/** Each has cells of its own, and two that they share. */
const partlyAlone: Program = function* (thread) {
  for (let n = 0; n < 3; n++) {
    yield* add(10 + thread, 1)
    yield* add(0, 1)
    yield* load(10 + thread)
    yield* store(1, thread)
  }
}

t.test('with a focus on all contended cells nothing is lost', async t => {
  const programs = times(2, partlyAlone)
  const whole = dpor(programs)
  const wanted = collect(runAll(whole, programs))
  const focused = dpor(programs)
  focused.focused = true
  focused.focus.add(addressOf(0), 8)
  const found = collect(runAll(focused, programs))
  t.equal(focused.strategy.classes, whole.strategy.classes)
  t.same([...found.classes.keys()].sort(), [...wanted.classes.keys()].sort())
  t.ok(found.choices < wanted.choices, `${found.choices} choices instead of ${wanted.choices}`)
  t.equal(focused.strategy.exhausted, true)
})

/** The same, with a look at a cell of its own before each operation, as loops have it that poll for something else. */
const lookingAside = (program: Program): Program =>
  function* (thread) {
    const steps = program(thread)
    let next = steps.next()
    while (next.done !== true) {
      yield* load(10 + thread)
      next = steps.next(yield next.value)
    }
    return next.value
  }

t.test('who was roused is not run through where it goes on, at whatever cell', async t => {
  const waits: Program = function* () {
    while ((yield* load(0)) + (yield* load(1)) < 3);
  }
  const changes: Program = function* () {
    yield* store(0, 1)
    yield* store(0, 0)
    yield* store(1, 1)
    yield* store(0, 2)
  }
  const programs = [waits, changes].map(lookingAside)
  const wanted = collect(runAll(dpor(programs), programs, OPTIONS))
  const machine = dpor(programs)
  machine.focused = true
  machine.focus.add(addressOf(0), 8)
  const found = collect(runAll(machine, programs, OPTIONS))
  t.equal(machine.strategy.unresolved, 0)
  t.equal(found.classes.size, wanted.classes.size)
})

t.test('with a focus that leaves out a contended cell it does not say that all was explored', async t => {
  const programs = times(2, partlyAlone)
  const machine = dpor(programs)
  machine.focused = true
  machine.focus.add(addressOf(1), 4)
  for (const _ of runAll(machine, programs)) if (machine.strategy.classes > 1000) break
  t.ok(machine.strategy.unresolved > 0)
  t.equal(machine.strategy.exhausted, false)
  machine.focus.add(addressOf(0), 4)
  machine.strategy.reset()
  collect(runAll(machine, programs))
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

t.test('other strategies may have their turns in between', async t => {
  const programs = times(3, increment)
  const machine = dpor(programs)
  const bounded: Machine = { ...machine, strategy: new Bounded(machine.board.scratch(1)) }
  const scheduler = new Scheduler(machine.board, [machine.strategy, bounded.strategy], machine.focus)
  const classes = new Set<string>()
  for (;;) {
    machine.board.head[HEAD.strategy] = 0
    const outcome = runOnce({ ...machine, scheduler }, programs)
    if (outcome === undefined) break
    classes.add(classOf(outcome.trace))
    machine.board.head[HEAD.strategy] = 1
    runOnce({ ...bounded, scheduler }, programs)
  }
  t.equal(classes.size, 36)
  t.equal(machine.strategy.classes, 36)
})

t.test('programs that do not repeat themselves are noticed', async t => {
  let runs = 0
  const programs: Program[] = [
    increment,
    function* () {
      if (++runs > 2) yield* load(1)
      yield* store(0, (yield* load(0)) + 1)
    },
  ]
  const machine = dpor(programs)
  collect(runAll(machine, programs))
  t.equal(machine.strategy.diverged, true)
  t.equal(machine.strategy.exhausted, false)
  machine.strategy.reset()
  t.equal(machine.strategy.diverged, false)
  t.equal(machine.strategy.begin(), true)
})

t.test('with more choices than can be kept it does not say that all was explored', async t => {
  const programs = times(2, partlyAlone)
  const machine = machineFor(2, scratch => new Dpor(scratch.subarray(0, SLEEP_SET_WORDS), new Int32Array(10)))
  collect(runAll(machine, programs))
  t.equal(machine.strategy.truncated, true)
  t.equal(machine.strategy.exhausted, false)
})

t.test('nor if an execution was cut off', async t => {
  class CutOff extends Dpor {
    override end(board: Board): void {
      board.head[HEAD.ending] = ENDING.cutOff
      super.end(board)
    }
  }
  const machine = machineFor(2, scratch => new CutOff(scratch))
  collect(runAll(machine, times(2, writer)))
  t.equal(machine.strategy.exhausted, false)
})
