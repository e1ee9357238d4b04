import t from 'tap'
import { MINE, makeControl, STATE, threadBase, WORD } from '../torture/guest/control.ts'
import { Watchdog } from '../torture/guest/watch/watchdog.ts'

const HANG_AFTER_MS = 1000
const LOOK_MS = 100

/** Looks ten times a second for that long. Returns when the thread was first called stuck. */
function firstStuck(words: Int32Array, watchdog: Watchdog, ms: number, live: () => void): number | undefined {
  for (let time = LOOK_MS; time <= ms; time += LOOK_MS) {
    live()
    if (watchdog.tick(time).length > 0) return time
  }
  Atomics.store(words, threadBase(0) + MINE.state, STATE.done)
  return undefined
}

/** A thread that is in its body whenever anybody looks. */
function running() {
  const control = makeControl(1)
  Atomics.store(control.words, threadBase(0) + MINE.state, STATE.running)
  return { words: control.words, watchdog: new Watchdog(control, HANG_AFTER_MS) }
}

t.test('a body that does nothing for too long is stuck', async t => {
  const { words, watchdog } = running()
  t.equal(
    firstStuck(words, watchdog, 5000, () => {}),
    LOOK_MS + HANG_AFTER_MS,
  )
})

t.test('one round after the other is progress, although nobody calls more() and every look finds a body', async t => {
  const { words, watchdog } = running()
  t.equal(
    firstStuck(words, watchdog, 5000, () => Atomics.add(words, WORD.round, 1)),
    undefined,
  )
})

t.test('so is more()', async t => {
  const { words, watchdog } = running()
  t.equal(
    firstStuck(words, watchdog, 5000, () => Atomics.add(words, threadBase(0) + MINE.beat, 1)),
    undefined,
  )
})

t.test('whoever has stood still for nearly as long is waited for, and told of with it', async t => {
  const stuckTogether = (laterMs: number) => {
    const control = makeControl(2)
    const states = [0, 1].map(thread => threadBase(thread) + MINE.state)
    for (const state of states) Atomics.store(control.words, state, STATE.running)
    const watchdog = new Watchdog(control, HANG_AFTER_MS)
    for (let time = LOOK_MS; ; time += LOOK_MS) {
      if (time <= LOOK_MS + laterMs) Atomics.add(control.words, threadBase(1) + MINE.beat, 1)
      const stuck = watchdog.tick(time).map(({ thread }) => thread)
      if (stuck.length > 0) return { time: time - LOOK_MS, stuck }
    }
  }
  t.same(stuckTogether(0), { time: 1000, stuck: [0, 1] })
  t.same(stuckTogether(300), { time: 1300, stuck: [0, 1] })
  t.same(stuckTogether(600), { time: 1000, stuck: [0] }, 'it may well be getting on')
})
