/** The rules of an execution, on the simulated machine. */
import t from 'tap'
import { type Board, ENDING, HEAD } from '../torture/explore/schedule/board.ts'
import { effectAt } from '../torture/explore/schedule/effect.ts'
import { DID, OP } from '../torture/explore/schedule/ops.ts'
import { SPIN_BOUND } from '../torture/explore/schedule/scheduler.ts'
import type { Strategy } from '../torture/explore/strategies/strategy.ts'
import { everySchedule } from './helpers/everything.ts'
import {
  add,
  addressOf,
  gate,
  load,
  machineFor,
  notify,
  type Program,
  type RunOptions,
  runOnce,
  store,
  wait,
} from './helpers/machine.ts'

/** Goes through a list of actors, and then takes the lowest one; notes whom it could have chosen. */
class Listed implements Strategy {
  readonly name = 'listed'
  readonly asked: { eligible: number; pending: number }[] = []
  readonly #actors: readonly number[]

  constructor(actors: readonly number[]) {
    this.#actors = actors
  }

  begin(): boolean {
    return true
  }

  choose(board: Board): number {
    this.asked.push({ eligible: board.eligible, pending: board.steps })
    const actor = this.#actors[this.asked.length - 1]
    return actor ?? 31 - Math.clz32(board.eligible & -board.eligible)
  }

  end(): void {}
}

function run(programs: readonly Program[], actors: readonly number[], options: RunOptions = { opening: 'start' }) {
  const machine = machineFor(programs.length, () => new Listed(actors))
  return { ...runOnce(machine, programs, options)!, asked: machine.strategy.asked, machine }
}

const sleeper: Program = function* () {
  return yield* wait(0, 0)
}
const timedSleeper: Program = function* () {
  return yield* wait(0, 0, 10)
}

t.test('notify wakes in the order of the waits, as many as it says', async t => {
  const waker: Program = function* () {
    const woken = [yield* notify(0, 1), yield* notify(0, 1), yield* notify(0, 5), yield* notify(0)]
    return woken
  }
  const { trace, returned, schedule } = run([sleeper, sleeper, sleeper, waker], [2, 0, 1, 3, 3, 3])
  t.same(returned, ['ok', 'ok', 'ok', [1, 1, 1, 0]])
  const wakes = trace.map((step, at) => ({ ...step, at })).filter(({ kind }) => kind === OP.wake)
  const notifies = [...schedule.keys()].filter(step => trace[step].kind === OP.notify)
  t.same(
    wakes.sort((a, b) => a.enabler - b.enabler).map(({ actor }) => actor),
    [2, 0, 1],
  )
  t.same(
    wakes.map(({ enabler }) => enabler),
    notifies.slice(0, 3),
  )
  t.ok(wakes.every(({ did }) => (did & DID.awakened) !== 0))
})

t.test('a wait whose cell holds another value does not sleep', async t => {
  const { returned, ending } = run([sleeper], [], { cells: [1] })
  t.equal(ending, ENDING.finished)
  t.same(returned, ['not-equal'])
})

t.test('nobody left to wake the sleepers: deadlock', async t => {
  const { ending, culprit, trace } = run(
    [
      function* () {
        yield* load(1)
      },
      sleeper,
      sleeper,
    ],
    [],
  )
  t.equal(ending, ENDING.deadlock)
  t.equal(culprit, 1)
  t.equal(trace.length, 3 + 3)
})

t.test('a lost wake-up is one schedule among others', async t => {
  const waker: Program = function* () {
    yield* notify(0)
  }
  const endings = [...everySchedule([sleeper, waker], { opening: 'start' })].map(({ ending }) => ending)
  t.same(endings.sort(), [ENDING.finished, ENDING.deadlock])
})

t.test('a timed wait may time out at any moment, and does not after a notify', async t => {
  const waker: Program = function* () {
    yield* store(1, 1)
    yield* notify(0)
  }
  const outcomes = [...everySchedule([timedSleeper, waker], { opening: 'start' })]
  t.ok(outcomes.every(({ ending }) => ending === ENDING.finished))
  t.same([...new Set(outcomes.map(({ returned }) => returned[0]))].sort(), ['ok', 'timed-out'])
  const late = run([timedSleeper, waker], [0, 1, 1])
  t.equal(late.returned[0], 'ok', 'a notify before the time-out counts')
  t.equal(late.trace.at(-1)!.did & DID.timeOut, 0)
})

t.test('a body that throws ends the execution', async t => {
  const { ending, culprit, thrown } = run(
    [
      function* () {
        yield* load(0)
      },
      function* () {
        yield* load(0)
        throw new Error('found')
      },
    ],
    [1],
  )
  t.equal(ending, ENDING.failed)
  t.equal(culprit, 1)
  t.equal((thrown as Error).message, 'found')
})

t.test('an actor that cannot go is a misfit', async t => {
  const { ending } = run([sleeper, sleeper], [-1])
  t.equal(ending, ENDING.misfit)
})

t.test('handles are opened in the order of the threads, without a choice', async t => {
  const program: Program = function* () {
    yield* add(0, 1)
    yield* add(0, 1)
    yield* gate()
    yield* load(0)
  }
  const { schedule, asked } = run([program, program, program], [2, 0, 1], { opening: 'gate' })
  t.same(schedule.slice(0, 9), [0, 0, 0, 1, 1, 1, 2, 2, 2])
  t.equal(asked[0].pending, 9)
  t.equal(asked[0].eligible, 0b111)
  t.same(schedule.slice(9, 12), [2, 0, 1])
})

t.test('steps that can be done by one actor only are no choices', async t => {
  const { asked, schedule } = run(
    [
      sleeper,
      function* () {
        yield* load(1)
        yield* load(1)
        yield* notify(0)
        yield* load(1)
      },
    ],
    [0],
  )
  t.same(
    asked.map(({ pending }) => pending),
    [2, 6],
    'before the wait, and after the notify',
  )
  t.same(schedule, [0, 1, 0, 1, 1, 1, 0, 1])
})

const spinsUntil = (cell: number): Program =>
  function* () {
    for (let looks = 0; ; looks++) if ((yield* load(cell)) !== 0) return looks
  }

t.test('a spinning thread goes again when its cell changes, and only then', async t => {
  const writer: Program = function* () {
    yield* store(1, 1)
    yield* store(0, 0)
    yield* store(0, 1)
    yield* load(1)
  }
  const { asked, trace, returned } = run([spinsUntil(0), writer], [0, 0, 1], { spins: true, opening: 'start' })
  t.same(
    asked.map(({ eligible, pending }) => [eligible, pending]),
    [
      [0b11, 2],
      [0b11, 3],
      [0b11, 7],
    ],
    'after two looks it is not asked for until the store that changes the cell',
  )
  t.equal(returned[0], 2)
  const seen = trace.findLast(({ actor }) => actor === 0)!
  t.equal(trace[seen.enabler].address, addressOf(0))
  t.ok(trace[seen.enabler].did & DID.change)
})

t.test('a change between the last look and the end of the loop is not slept through', async t => {
  const twoCells: Program = function* () {
    for (;;) {
      if ((yield* load(0)) !== 0) return 'first'
      if ((yield* load(1)) !== 0) return 'second'
    }
  }
  const writer: Program = function* () {
    yield* store(0, 1)
    yield* store(2, 1)
    yield* store(2, 2)
  }
  const { asked, trace } = run([twoCells, writer], [0, 0, 0, 1, 0, 0], { spins: true, opening: 'start' })
  t.equal(asked[5]?.eligible, 0b11, 'the first cell has changed since: the thread is no spinner')
  t.equal(trace[7].actor, 0)
  t.equal(trace[7].enabler, 5, 'and what made it go on is that change')
})

t.test('who only waits on the cell does not rouse a thread that looks at its value', async t => {
  const { asked } = run(
    [
      spinsUntil(0),
      sleeper,
      function* () {
        yield* load(1)
        yield* load(1)
        yield* store(0, 1)
      },
    ],
    [0, 0, 1, 2, 2, 2],
    { spins: true, opening: 'start' },
  )
  t.same(
    asked.slice(0, 3).map(({ eligible }) => eligible),
    [0b111, 0b111, 0b110],
  )
  t.equal(asked.length, 3, 'only the third thread can go then')
})

t.test('who goes to sleep rouses a thread that notifies in vain', async t => {
  const notifier: Program = function* () {
    for (;;) if ((yield* notify(0)) > 0) return
  }
  const { asked, ending, trace } = run(
    [
      notifier,
      function* () {
        yield* load(1)
        yield* wait(0, 0)
      },
      function* () {
        yield* load(1)
        yield* load(1)
      },
    ],
    [0, 0, 1, 1, 0],
    { spins: true, opening: 'start' },
  )
  t.equal(ending, ENDING.finished)
  t.same(
    asked.slice(0, 5).map(({ eligible }) => eligible),
    [0b111, 0b111, 0b110, 0b110, 0b101],
  )
  t.equal(trace[7].enabler, 6)
})

t.test('spinners that nothing will rouse are a livelock', async t => {
  const { ending, schedule } = run([spinsUntil(0), spinsUntil(1)], [], { spins: true, opening: 'start' })
  t.equal(ending, ENDING.livelock)
  t.ok(schedule.length > 2 * SPIN_BOUND)
  const turns = schedule.filter((actor, at) => at > 0 && actor !== schedule[at - 1]).length
  t.ok(turns > 100, 'each has its turns')
})

t.test('where executions are cut off early, spinners are still seen to be a livelock', async t => {
  const machine = machineFor(2, () => new Listed([]))
  machine.board.head[HEAD.stepLimit] = 100
  const both = [spinsUntil(0), spinsUntil(1)]
  t.equal(runOnce(machine, both, { spins: true, opening: 'start' })?.ending, ENDING.livelock)
  const busy: Program = function* () {
    for (let n = 1; ; n++) yield* store(0, n)
  }
  const cut = runOnce(machine, [busy, busy], { spins: true, opening: 'start' })!
  t.equal(cut.ending, ENDING.cutOff)
  t.equal(cut.schedule.length, 100)
})

t.test('a loop around a wait that times out is a livelock as well', async t => {
  const { ending } = run(
    [
      function* () {
        while ((yield* load(0)) === 0) yield* wait(1, 0, 10)
      },
    ],
    [],
    { spins: true },
  )
  t.equal(ending, ENDING.livelock)
})

t.test('a spinner whose loop ends by itself goes on when nobody else can', async t => {
  const { ending, memory } = run(
    [
      function* () {
        for (let n = 0; n < 100; n++) yield* load(1)
        yield* store(0, 1)
        yield* notify(0)
      },
      sleeper,
    ],
    [0, 0, 0, 0],
    { spins: true, opening: 'start' },
  )
  t.equal(ending, ENDING.finished)
  t.equal(memory[0], 1)
})

t.test('who spins first when nobody else can go does not depend on who went last', async t => {
  const tails = new Set<number>()
  const programs: Program[] = [spinsUntil(0), spinsUntil(1)]
  for (const actors of [
    [0, 0, 1, 1],
    [1, 1, 0, 0],
  ])
    tails.add(run(programs, actors, { spins: true, opening: 'start' }).schedule[6])
  t.same([...tails], [0])
})

t.test('with a focus, operations on other cells are run through', async t => {
  const program: Program = function* () {
    yield* load(1)
    yield* add(0, 1)
    yield* load(1)
    yield* add(0, 1)
    yield* load(1)
  }
  const machine = machineFor(2, () => new Listed([0, 1, 0]))
  machine.focus.add(addressOf(0), 4)
  machine.focused = true
  const { schedule, preemptions } = runOnce(machine, [program, program], { opening: 'start' })!
  const [a, b] = [0, 1]
  t.same(schedule, [a, b, b, a, b, b, a, a, a, a, b, b])
  t.same(
    machine.strategy.asked.map(({ pending }) => pending),
    [3, 4, 6, 8],
    'before each addition that somebody else could be in the place of',
  )
  t.equal(preemptions, 3)
})

t.test('a step says who did it, what it did and who could have gone', async t => {
  const { trace, machine } = run(
    [
      function* () {
        yield* store(3, 7)
      },
      function* () {
        yield* load(3)
      },
    ],
    [1, 0],
  )
  t.same(effectAt(machine.board, 2), {
    actor: 1,
    kind: OP.load,
    did: DID.chosen,
    address: addressOf(3),
    bytes: 4,
  })
  t.same(
    trace.slice(2).map(({ actor, eligible, did, read, wrote }) => ({ actor, eligible, did, read, wrote })),
    [
      { actor: 1, eligible: 0b11, did: DID.chosen, read: 0, wrote: 0 },
      { actor: 0, eligible: 0b01, did: DID.write | DID.change, read: 0, wrote: 7 },
    ],
  )
})
