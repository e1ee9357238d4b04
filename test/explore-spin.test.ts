/** A thread that repeats itself is recognised whatever it has looked at before. */
import t from 'tap'
import { ENDING, MOST_STEPS } from '../torture/explore/board.ts'
import { decodeSchedule } from '../torture/explore/schedule.ts'
import { Replay } from '../torture/explore/strategies/replay.ts'
import { load, machineFor, type Program, runOnce, store } from './helpers/machine.ts'

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
