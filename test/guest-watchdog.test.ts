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
