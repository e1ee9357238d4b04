/**
 * Tells done from stuck, spinning from asleep, and stuck from starved. Progress is a heartbeat of `more()`, a finished
 * tiny round, a new long round, or a change of what a thread is doing. A thread that could run but is given no CPU is not
 * stuck, and while there is one, neither are the others: they may be waiting for it.
 */
import { type Control, MINE, STATE, threadBase, WORD } from '../control.ts'
import { type ThreadTimes, threadTimes } from './proc.ts'

export interface Stuck {
  readonly thread: number
  readonly state: number
  readonly forMs: number
  readonly activity: 'spinning' | 'asleep' | 'unknown'
}

interface Watched {
  state: number
  beat: number
  /** Bodies that never call `more()` and await something make long rounds, and may be found in them at every look. */
  round: number
  since: number
  /** CPU time when the present standstill was first noticed. */
  times: ThreadTimes | undefined
}

/** How long setup, `open` and `check` may take at least, whatever is said of rounds. */
const SLOW_PHASES_MS = 5000
/** Imports were tried before the run began: what they wait for is a crowded machine. */
const IMPORT_MS = 30_000
/** A thread that got less than this share of a CPU while it wanted one is starved. */
const STARVED = 0.1
/** Starved or not: after so many times the limit it is a hang. */
const PATIENCE = 10
/** Share of the limit after which a thread that has not moved is likely to be a part of the same hang. */
const NEARLY = 0.5
/** Ticks this far apart mean that the whole process stood still. */
const GAP_MS = 500

export class Watchdog {
  readonly #control: Control
  readonly #hangAfterMs: number
  readonly #watched: Watched[]
  #last = 0

  constructor(control: Control, hangAfterMs: number) {
    this.#control = control
    this.#hangAfterMs = hangAfterMs
    this.#watched = Array.from({ length: control.threads }, () => ({
      state: -1,
      beat: -1,
      round: -1,
      since: 0,
      times: undefined,
    }))
  }

  /** Looks at all threads, about ten times a second. Returns who hangs: nobody, as a rule. */
  tick(time: number): Stuck[] {
    const gap = time - this.#last
    this.#last = time
    const standstill = gap > GAP_MS ? gap : 0
    let starved = false
    let others = false
    let overdue = 0
    const stuck: Stuck[] = []
    for (const [thread, watched] of this.#watched.entries()) {
      watched.since += standstill
      if (this.#moved(thread, watched, time)) continue
      const forMs = time - watched.since
      const limit = limitOf(watched.state, this.#hangAfterMs)
      if (forMs > limit * NEARLY && forMs < limit) others = true
      if (forMs < limit) continue
      overdue = Math.max(overdue, forMs / limit)
      const seen = this.#look(thread, watched, forMs)
      if (seen.starved && forMs < PATIENCE * limit) starved = true
      else stuck.push({ thread, state: watched.state, forMs, activity: seen.activity })
    }
    // They are waited for, so that all who stand still are told of together.
    return starved || (others && overdue < 1 + NEARLY) ? [] : stuck
  }

  /** What every thread is doing, stuck or not, and since when. */
  survey(time: number): Stuck[] {
    return this.#watched.map((watched, thread) => {
      const forMs = time - watched.since
      return { thread, state: watched.state, forMs, activity: this.#look(thread, watched, forMs).activity }
    })
  }

  #moved(thread: number, watched: Watched, time: number): boolean {
    const { words } = this.#control
    const base = threadBase(thread)
    const state = Atomics.load(words, base + MINE.state)
    const beat = Atomics.load(words, base + MINE.beat)
    const round = Atomics.load(words, WORD.round)
    const still = state === watched.state && beat === watched.beat && round === watched.round
    if (still && state >= STATE.importing) {
      watched.times ??= this.#times(thread)
      return false
    }
    watched.state = state
    watched.beat = beat
    watched.round = round
    watched.since = time
    watched.times = undefined
    return true
  }

  #look(thread: number, watched: Watched, forMs: number): { activity: Stuck['activity']; starved: boolean } {
    const times = this.#times(thread)
    if (times === undefined || watched.times === undefined) return { activity: 'unknown', starved: false }
    const share = (times.cpuMs - watched.times.cpuMs) / Math.max(1, forMs)
    const runnable = times.state === 'R'
    return { activity: runnable || share > 0.5 ? 'spinning' : 'asleep', starved: runnable && share < STARVED }
  }

  #times(thread: number): ThreadTimes | undefined {
    return threadTimes(Atomics.load(this.#control.words, threadBase(thread) + MINE.tid))
  }
}

function limitOf(state: number, hangAfterMs: number): number {
  if (state === STATE.running) return hangAfterMs
  return Math.max(hangAfterMs, state === STATE.importing ? IMPORT_MS : SLOW_PHASES_MS)
}
