/** A thread that repeats itself is recognised whatever it has looked at before, and a livelock says at what it looks. */
import t from 'tap'
import { Addresses } from '../torture/explore/report/addresses.ts'
import { describeStandstill } from '../torture/explore/report/deadlock.ts'
import { Names } from '../torture/explore/report/names.ts'
import { ENDING, MOST_STEPS } from '../torture/explore/schedule/board.ts'
import { decodeSchedule } from '../torture/explore/schedule/schedule.ts'
import { Dpor } from '../torture/explore/strategies/dpor.ts'
import { Replay } from '../torture/explore/strategies/replay.ts'
import { classOf } from './helpers/everything.ts'
import { load, machineFor, type Program, runAll, runOnce, store } from './helpers/machine.ts'

t.test('a cell that was looked at before the loop, and has changed since, keeps nobody from making way', async t => {
  const programs: Program[] = [
    function* () {
      yield* load(1)
      while ((yield* load(0)) === 0);
    },
    function* () {
      yield* store(1, 1)
      yield* store(0, 1)
    },
  ]
  const machine = machineFor(2, scratch => new Replay(scratch, new Int32Array(MOST_STEPS)))
  machine.strategy.set(decodeSchedule('a2b2', 2), { strict: true })
  const outcome = runOnce(machine, programs, { spins: true })!
  t.equal(outcome.ending, ENDING.finished)
  t.ok(outcome.schedule.length < 20, `${outcome.schedule.length} steps`)
  machine.strategy.set(decodeSchedule('a2b2a3', 2), { strict: true })
  const late = runOnce(machine, programs, { spins: true })!
  t.ok(late.schedule.length < 20, `${late.schedule.length} steps`)
})

t.test('a livelock names the cells that the threads look at', async t => {
  const programs: Program[] = [
    function* () {
      while ((yield* load(0)) + (yield* load(2)) === 0);
    },
    function* () {
      yield* load(3)
      while ((yield* load(1)) === 0);
    },
  ]
  const machine = machineFor(2, scratch => new Replay(scratch, new Int32Array(MOST_STEPS)))
  machine.strategy.set([], { strict: false })
  t.equal(runOnce(machine, programs, { spins: true })!.ending, ENDING.livelock)
  const shared = { cells: new Int32Array(new SharedArrayBuffer(32)) }
  const addresses = new Addresses(0)
  addresses.place([shared.cells.buffer as SharedArrayBuffer])
  const { message } = describeStandstill(
    machine.board,
    machine.scheduler.waits,
    new Names(['a', 'b'], shared, addresses),
  )
  t.match(message, /^livelock: a spins on cells\[0\], cells\[2\]; b spins on .*cells\[1\]/)
})

t.test('who comes back to one cell and looks at another each time is not spinning', async t => {
  const programs: Program[] = [
    function* () {
      for (let cell = 1; cell <= 4; cell++) {
        yield* load(0)
        yield* load(cell)
      }
    },
    function* () {
      yield* store(4, 1)
    },
  ]
  const classes = (spins: boolean) => {
    const machine = machineFor(2, scratch => new Dpor(scratch))
    const found = new Set([...runAll(machine, programs, { spins })].map(({ trace }) => classOf(trace)))
    t.ok(machine.strategy.exhausted)
    return found.size
  }
  t.equal(classes(true), 2)
  t.equal(classes(false), 2)
})
