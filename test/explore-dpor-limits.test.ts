/** What the partial-order reduction does not claim: where it is switched at some cells only, or something is cut short. */
import t from 'tap'
import { type Board, ENDING, HEAD } from '../torture/explore/schedule/board.ts'
import { Scheduler } from '../torture/explore/schedule/scheduler.ts'
import { Bounded } from '../torture/explore/strategies/bounded.ts'
import { Dpor } from '../torture/explore/strategies/dpor.ts'
import { SLEEP_SET_WORDS } from '../torture/explore/strategies/sleep-set.ts'
import { classOf } from './helpers/everything.ts'
import {
  add,
  addressOf,
  load,
  type Machine,
  machineFor,
  type Program,
  runAll,
  runOnce,
  store,
} from './helpers/machine.ts'
import { collect, dpor, increment, OPTIONS, times } from './helpers/reduced.ts'

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
  collect(runAll(machine, times(2, increment)))
  t.equal(machine.strategy.exhausted, false)
})

t.test('nor if the time was over before an execution was looked through', async t => {
  const programs = times(2, increment)
  const machine = dpor(programs)
  let looks = 0
  machine.strategy.expires = () => ++looks > 0
  t.ok(runOnce(machine, programs))
  t.equal(looks, 1, 'and it was left at once')
  t.equal(machine.strategy.begin(), false, 'nothing is known that is left to try')
  t.equal(machine.strategy.over, false)
  t.equal(machine.strategy.exhausted, false)
  machine.strategy.expires = () => false
  machine.strategy.reset()
  t.equal(collect(runAll(machine, programs)).classes.size, 4)
  t.equal(machine.strategy.exhausted, true)
})
