/**
 * Environmental abuse of long rounds, as torture.c does it. Stutter: all threads sleep to one instant, so that load
 * stops and restarts together. Onoff: one thread at a time leaves for a while. Shuffle: threads are barred from one CPU
 * in rotation. All of it scaled down in short runs; its decisions come from the seed.
 */
import type { PlannedInstance } from '../../../results/schema.ts'
import { ATTENTION, CLOCK, type Control, MINE, threadBase, WORD } from '../control.ts'
import { STREAM, Xoshiro } from '../random.ts'
import type { Counts } from '../report/tally.ts'
import { keepOn } from '../rounds/placement.ts'
import { allowedCpus } from '../watch/proc.ts'

export class Chaos {
  readonly #control: Control
  readonly #random: Xoshiro
  readonly #tricks: Trick[] = []
  #shuffles = 0
  #stutterTries = 0
  #leaveTries = 0

  constructor(control: Control, instance: PlannedInstance) {
    this.#control = control
    this.#random = new Xoshiro(instance.seed, STREAM.chaos, 0)
    if (instance.jitter === 'off') return
    const { durationMs, hangAfterMs } = instance
    // Never so long that who waits for a sleeper could be taken for stuck.
    const longestMs = hangAfterMs / 8
    const stutterEvery = Math.min(5000, durationMs / 3)
    const leaveEvery = Math.min(1000, durationMs / 6)
    this.#tricks.push(
      new Trick(stutterEvery, time => this.#stutter(time, Math.min(150, stutterEvery / 8, longestMs))),
      new Trick(leaveEvery, () => this.#leave(Math.min(200, leaveEvery / 2, longestMs))),
    )
    const cpus = allowedCpus()
    if (cpus.length > 1) this.#tricks.push(this.#shuffler(cpus, Math.min(3000, Math.max(1000, durationMs / 3))))
  }

  /** Whether all threads are being held to the end of a stutter. */
  stuttering(time: number): boolean {
    return time < this.#control.clock[CLOCK.wake]
  }

  tick(time: number): void {
    if (Atomics.load(this.#control.words, WORD.inRound) === 0) return
    for (const trick of this.#tricks) trick.tick(time)
  }

  counters(): Counts {
    if (this.#tricks.length === 0) return {}
    const { words, threads } = this.#control
    const sum = (field: number) => {
      let n = 0
      for (let t = 0; t < threads; t++) n += words[threadBase(t) + field]
      return n
    }
    return {
      'torture.stutters': this.#stutterTries,
      'torture.stuttered-threads': sum(MINE.stuttered),
      'torture.leave-tries': this.#leaveTries,
      'torture.leaves': sum(MINE.left),
      'torture.shuffles': this.#shuffles,
    }
  }

  #stutter(time: number, ms: number): void {
    const { words, clock, threads } = this.#control
    clock[CLOCK.wake] = time + ms
    for (let t = 0; t < threads; t++) Atomics.or(words, threadBase(t) + MINE.attention, ATTENTION.stutter)
    this.#stutterTries++
  }

  #leave(longestMs: number): void {
    const { words, threads } = this.#control
    const base = threadBase(this.#random.below(threads))
    Atomics.store(words, base + MINE.leaveMs, 1 + this.#random.below(Math.max(1, longestMs)))
    Atomics.or(words, base + MINE.attention, ATTENTION.leave)
    this.#leaveTries++
  }

  /**
   * Every other turn allows all CPUs again. A turn with one CPU barred is short where the threads would then have to
   * share: it costs what the run is for, threads that really overlap.
   */
  #shuffler(cpus: readonly number[], everyMs: number): Trick {
    let turn = 0
    const barredMs = this.#control.threads > cpus.length - 1 ? everyMs / 5 : everyMs
    const trick: Trick = new Trick(everyMs, () => {
      const barred = turn % 2 === 0 ? cpus[(turn / 2) % cpus.length] : undefined
      trick.everyMs = barred === undefined ? everyMs : barredMs
      turn++
      this.#pin(cpus.filter(cpu => cpu !== barred))
    })
    return trick
  }

  /** Affinity belongs to the threads, so nothing of it outlives the guest. */
  #pin(cpus: readonly number[]): void {
    const { words, threads } = this.#control
    for (let t = 0; t < threads; t++) {
      const tid = Atomics.load(words, threadBase(t) + MINE.tid)
      if (tid === 0) continue
      // What could not be done is not counted.
      keepOn(cpus, tid, error => {
        if (!error && t === 0) this.#shuffles++
      })
    }
  }
}

/** Something that happens every so often, for the first time after one period. */
class Trick {
  everyMs: number
  readonly #act: (time: number) => void
  #next = 0

  constructor(everyMs: number, act: (time: number) => void) {
    this.everyMs = everyMs
    this.#act = act
  }

  tick(time: number): void {
    if (this.#next === 0) this.#next = time + this.everyMs
    if (time < this.#next) return
    this.#act(time)
    this.#next = time + this.everyMs
  }
}
