/** A replay does what was done; where it cannot it says from which step on, or goes on as the schedule would have it. */
import t from 'tap'
import { ENDING, MOST_STEPS } from '../torture/explore/schedule/board.ts'
import { DID } from '../torture/explore/schedule/ops.ts'
import { decodeSchedule } from '../torture/explore/schedule/schedule.ts'
import { RandomWalk } from '../torture/explore/strategies/random.ts'
import { Replay } from '../torture/explore/strategies/replay.ts'
import { generate } from './helpers/generated.ts'
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

const replayer = (threads: number) => machineFor(threads, scratch => new Replay(scratch, new Int32Array(MOST_STEPS)))

/** Everything about an execution but who decided. */
const did = ({ trace, memory, returned, ...rest }: Outcome) => ({
  ...rest,
  schedule: '',
  values: `${memory} ${JSON.stringify(returned)}`,
  trace: trace.map(step => Object.values({ ...step, did: step.did & ~DID.chosen }).join()).join(' '),
})

t.test('the schedule of an execution does the same steps again, strictly and leniently', async t => {
  const endings = new Set<number>()
  for (let seed = 1; seed <= 80; seed++) {
    const threads = 2 + (seed % 3)
    const opening = seed % 5 === 0
    const { programs, text } = generate(seed, { threads, pieces: 6, spins: seed % 2 === 0, fails: true })
    const options: RunOptions = { seed, spins: true, ...(opening && { opening: 'start' }) }
    const original = runOnce(
      machineFor(threads, () => new RandomWalk()),
      programs,
      options,
    )!
    endings.add(original.ending)
    const machine = replayer(threads)
    for (const strict of [true, false]) {
      machine.strategy.set(original.schedule, { strict })
      const again = runOnce(machine, programs, options)!
      t.strictSame(did(again), did(original), `seed ${seed}, strict ${strict}: ${text}`)
      t.equal(machine.strategy.misfitAt, -1)
    }
  }
  t.ok(endings.has(ENDING.finished) && endings.has(ENDING.deadlock) && endings.has(ENDING.livelock), 'of all kinds')
})

const both: Program[] = [
  function* () {
    yield* store(0, 1)
    yield* wait(1, 0)
    yield* store(2, 1)
  },
  function* () {
    yield* load(0)
    yield* notify(1)
    yield* load(2)
  },
]

const replay = (text: string, strict: boolean, options: RunOptions = {}) => {
  const machine = replayer(2)
  machine.strategy.set(decodeSchedule(text, 2), { strict })
  const outcome = runOnce(machine, both, options)!
  return { ...outcome, misfitAt: machine.strategy.misfitAt }
}

t.test('a strict replay ends at the first step that does not fit', async t => {
  const asleep = replay('a4', true)
  t.equal(asleep.ending, ENDING.misfit)
  t.equal(asleep.misfitAt, 3, 'the thread sleeps')
  t.strictSame(asleep.schedule, [0, 0, 0])
  const gone = replay('a3b4ab', true)
  t.equal(gone.misfitAt, 8, 'the thread has returned')
  t.equal(gone.ending, ENDING.misfit)
  t.equal(replay('a3b4a2', true).ending, ENDING.finished)
  t.equal(replay('b4a3', true).ending, ENDING.deadlock, 'what fits may end otherwise')
})

t.test('a lenient replay passes over who cannot go', async t => {
  t.strictSame(replay('a5b3a2b', false).schedule, decodeSchedule('a3b3a2b', 2))
})

t.test('handles are opened in the order of the threads, whatever is wanted', async t => {
  const opening: RunOptions = { opening: 'start' }
  t.equal(replay('b', true, opening).misfitAt, 0)
  t.equal(replay('aba2b3a2', true, opening).ending, ENDING.finished)
  t.strictSame(replay('ab2a2b2', false, opening).schedule, decodeSchedule('ab2a2b2a2', 2))
  t.strictSame(
    replay('b2a2b2', false, opening).schedule,
    decodeSchedule('ab2a2b2a2', 2),
    'nothing is passed over for it',
  )
})

t.test('when nothing more is wanted, no thread is preempted', async t => {
  for (const strict of [true, false]) {
    const after = replay('ab', strict)
    t.strictSame(after.schedule, decodeSchedule('ab4a2', 2), 'the last one goes on to its end')
    t.equal(after.preemptions, 1)
    t.strictSame(replay('', strict).schedule, decodeSchedule('a3b4a2', 2), 'then the lowest')
  }
})

t.test('a thread that repeats itself does so as often as the schedule says', async t => {
  const spinner: Program[] = [
    function* () {
      while ((yield* load(0)) === 0);
    },
    function* () {
      yield* load(1)
      yield* store(0, 1)
    },
  ]
  const run = (text: string) => {
    const machine = replayer(2)
    machine.strategy.set(decodeSchedule(text, 2), { strict: true })
    return runOnce(machine, spinner, { spins: true })!
  }
  t.strictSame(run('a40ba30b2a').schedule, decodeSchedule('a40ba30b2a', 2))
  t.equal(run('a40ba30b2a').ending, ENDING.finished)
  t.strictSame(run('a').schedule, decodeSchedule('a3b3a', 2), 'and by itself makes way for the other')
})
