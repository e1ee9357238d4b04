/**
 * Mutex that sleeps: one word, and a futex only where somebody waits. 0: free; 1: held, nobody waits; 2: held, and
 * somebody may be asleep. Who has slept, or means to, takes it as 2, since it cannot know whether others sleep, too:
 * at worst one wake-up too many. Whoever gives up a 2 wakes one.
 *
 * Protocol: U. Drepper, "Futexes Are Tricky", 2011, his second mutex, with an exchange for its three cases. Not fair:
 * who comes at the right moment has it before who was woken.
 *
 * Orders: taking is an acquire, giving up a release; the futex adds the full order between the word and its queue.
 */
import { violated } from '../check/oracle.ts'
import type { Cpu } from '../shm/cpu.ts'
import { struct } from '../shm/layout.ts'
import { bug, pass, passSlow, site } from '../shm/sites.ts'
import type { Futex } from './futex.ts'

/** Embeddable. All zero is unlocked. */
export const MUTEX = struct('mutex', { state: '0 free, 1 held, 2 held and somebody may be asleep' })

const FREE = 0
const HELD = 1
const CONTENDED = 2

const SITE_WAIT = site('mutex/wait')
const SITE_WOKEN = site('mutex/woken')
const SITE_UNLOCK = site('mutex/unlock-contended')

/** Who was woken takes it as newcomers do, and forgets the others. */
const SETS_HELD = bug('mutex-sets-held')
const WAKES_NOBODY = bug('mutex-wakes-nobody')

/** A thread's handle of one mutex. */
export class Mutex {
  /** The word, for those who move sleepers to it. */
  readonly at: number
  readonly #cpu: Cpu
  readonly #w: Int32Array
  readonly #futex: Futex
  #held = false

  /** @param at base of a `MUTEX`, in words */
  constructor(cpu: Cpu, futex: Futex, at: number) {
    this.at = at + MUTEX.state
    this.#cpu = cpu
    this.#w = cpu.w
    this.#futex = futex
  }

  /** Sleeps until the mutex is taken. Taking it twice violates CNT. */
  lock(): void {
    if (this.#held) violated('CNT', `cpu ${this.#cpu.id} locks mutex ${this.at}, which it holds`)
    if (Atomics.compareExchange(this.#w, this.at, FREE, HELD, 'acquire') !== FREE) this.#lockSlow()
    this.#held = true
  }

  /** As `lock`, for who has slept, or stands for others who do: whoever unlocks next wakes somebody. */
  lockContended(): void {
    if (this.#held) violated('CNT', `cpu ${this.#cpu.id} locks mutex ${this.at}, which it holds`)
    this.#lockSlow()
    this.#held = true
  }

  /** Never waits. */
  tryLock(): boolean {
    if (Atomics.compareExchange(this.#w, this.at, FREE, HELD, 'acquire') !== FREE) return false
    this.#held = true
    return true
  }

  /** Gives it up and wakes one, if somebody may be asleep. Unlocking what the thread does not hold violates CNT. */
  unlock(): void {
    if (!this.#held) violated('CNT', `cpu ${this.#cpu.id} unlocks mutex ${this.at}, which it does not hold`)
    this.#held = false
    const state = Atomics.exchange(this.#w, this.at, FREE, 'release')
    if (state === FREE) violated('CNT', `mutex ${this.at} was free when cpu ${this.#cpu.id} unlocked it`)
    if (state !== CONTENDED) return
    pass(SITE_UNLOCK, this.at, 0)
    if (!WAKES_NOBODY) this.#futex.wake(this.at, 1)
  }

  #lockSlow(): void {
    while (Atomics.exchange(this.#w, this.at, CONTENDED, 'acquire') !== FREE) {
      passSlow(SITE_WAIT, this.at, 0)
      this.#futex.wait(this.at, CONTENDED)
      passSlow(SITE_WOKEN, this.at, 0)
      if (SETS_HELD && Atomics.compareExchange(this.#w, this.at, FREE, HELD, 'acquire') === FREE) return
    }
  }
}
