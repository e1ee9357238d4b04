/**
 * Condition variable, with a mutex: wait until others say that something changed. One word counts the signals. Who waits
 * notes the count while it holds the mutex, gives the mutex up, and sleeps as long as the count is what it was. A
 * signal between the two changes the count, and there is no sleeping: that is what the count is for.
 *
 * Who broadcasts wakes one, and has the others wait for the mutex: all of them would only meet there. For that whoever
 * is woken takes the mutex as contended; it cannot know whether others were moved to it.
 *
 * Protocol: U. Drepper, "Futexes Are Tricky", 2011, and the requeueing of Linux, kernel/futex/requeue.c (FUTEX_CMP_REQUEUE).
 * Wake-ups may be spurious: wait in a loop. 2^32 signals between the note and the sleep would look like none.
 *
 * Orders: the count changes under no lock, so signals are additions in full order, before the futex looks for sleepers;
 * the note is taken relaxed, since the mutex is held, and compared under the lock of the futex.
 */
import type { Cpu } from '../shm/cpu.ts'
import { struct } from '../shm/layout.ts'
import { bug, passSlow, site } from '../shm/sites.ts'
import type { Futex } from './futex.ts'
import type { Mutex } from './mutex.ts'

/** Embeddable. All zero is ready. */
export const CONDITION = struct('condition', { sequence: 'signals so far, modulo 2^32' })

const SITE_WAIT = site('condition/wait')
const SITE_WOKEN = site('condition/woken')
const SITE_SIGNAL = site('condition/signal')

/** Signals wake who sleeps, and are not counted. */
const NO_SEQUENCE = bug('condvar-no-sequence')
/** Who was woken takes the mutex as newcomers do: those who were moved to it are forgotten. */
const PLAIN_RELOCK = bug('condvar-relocks-plain')

/** A thread's handle of one condition. */
export class Condition {
  readonly #w: Int32Array
  readonly #futex: Futex
  readonly #at: number

  /** @param at base of a `CONDITION`, in words */
  constructor(cpu: Cpu, futex: Futex, at: number) {
    this.#w = cpu.w
    this.#futex = futex
    this.#at = at + CONDITION.sequence
  }

  /** Gives the mutex up, sleeps until it is woken or for no reason at all, and takes the mutex again. */
  wait(mutex: Mutex): void {
    const seen = Atomics.load(this.#w, this.#at, 'relaxed')
    mutex.unlock()
    passSlow(SITE_WAIT, this.#at, seen)
    this.#futex.wait(this.#at, seen)
    passSlow(SITE_WOKEN, this.#at, seen)
    if (PLAIN_RELOCK) mutex.lock()
    else mutex.lockContended()
  }

  /** Wakes one who waits. The mutex need not be held. */
  signal(): void {
    this.#count()
    this.#futex.wake(this.#at, 1)
  }

  /** Wakes all who wait, one after the other. The mutex need not be held. */
  broadcast(mutex: Mutex): void {
    this.#count()
    // The futex compares: had the count moved on, those it is about to move would be others.
    while (!this.#futex.requeue(this.#at, Atomics.load(this.#w, this.#at), 1, mutex.at));
  }

  #count(): void {
    if (!NO_SEQUENCE) Atomics.add(this.#w, this.#at, 1)
    passSlow(SITE_SIGNAL, this.#at, 0)
  }
}
