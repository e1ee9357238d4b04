/**
 * Ticket lock: who comes draws a number and waits until it is called. First come, first served; all who wait look at
 * the same word, so each unlock is seen by every one of them.
 *
 * Protocol: D. P. Reed, R. K. Kanodia, "Synchronization with Eventcounts and Sequencers", CACM 22(2), 1979; in this form
 * J. M. Mellor-Crummey, M. L. Scott, "Algorithms for Scalable Synchronization on Shared-Memory Multiprocessors",
 * TOCS 9(1), 1991; Linux, include/asm-generic/ticket_lock.h. Deviation: two words where the kernel has two halves of
 * one, since a store to half a cell cannot be written here; and no back-off in proportion to the place in the queue.
 *
 * Orders: drawing needs none (relaxed), the look at `owner` is an acquire, the store to it a release. Trylock draws with
 * an acquire, since it gets the lock by that.
 */
import { violated } from '../check/oracle.ts'
import type { Cpu } from '../shm/cpu.ts'
import { struct } from '../shm/layout.ts'
import type { Order } from '../shm/ordering.ts'
import { bug, pass, site } from '../shm/sites.ts'

/** Embeddable. All zero is unlocked. */
export const TICKET_LOCK = struct('ticket_lock', {
  next: 'the ticket that the next one to come draws, modulo 2^32',
  owner: 'the ticket whose turn it is; equal to next: free',
})

const SITE_DRAWN = site('ticket-lock/drawn')
const SITE_UNLOCK = site('ticket-lock/unlock')

/** Draws by a load and a store. */
const LOAD_STORE = bug('ticket-load-store')
const SPIN_ORDER: Order = bug('ticket-spin-relaxed') ? 'relaxed' : 'acquire'
const UNLOCK_ORDER: Order = bug('ticket-unlock-relaxed') ? 'relaxed' : 'release'

/** A thread's handle of one lock. */
export class TicketLock {
  readonly #cpu: Cpu
  readonly #w: Int32Array
  readonly #next: number
  readonly #owner: number
  /** Ours while we hold the lock. */
  #ticket = 0
  #held = false

  /** @param at base of a `TICKET_LOCK`, in words */
  constructor(cpu: Cpu, at: number) {
    this.#cpu = cpu
    this.#w = cpu.w
    this.#next = at + TICKET_LOCK.next
    this.#owner = at + TICKET_LOCK.owner
  }

  /** Spins until the lock is taken. Taking it twice violates CNT. */
  lock(): void {
    if (this.#held) violated('CNT', `cpu ${this.#cpu.id} locks ticket lock ${this.#next}, which it holds`)
    const ticket = this.#draw()
    for (let n = 0; Atomics.load(this.#w, this.#owner, SPIN_ORDER) !== ticket; n++) this.#cpu.relax(n)
    this.#ticket = ticket
    this.#held = true
  }

  /** Never waits: draws only a ticket whose turn it is. */
  tryLock(): boolean {
    // `owner` first. Tickets are drawn before they are called, so if `next` still equals what `owner` was, both did
    // not move in between.
    const owner = Atomics.load(this.#w, this.#owner, 'relaxed')
    if (Atomics.compareExchange(this.#w, this.#next, owner, (owner + 1) | 0, 'acquire') !== owner) return false
    this.#ticket = owner
    this.#held = true
    return true
  }

  /** Calls the next ticket. Unlocking what the thread does not hold violates CNT. */
  unlock(): void {
    if (!this.#held) violated('CNT', `cpu ${this.#cpu.id} unlocks ticket lock ${this.#next}, which it does not hold`)
    this.#held = false
    pass(SITE_UNLOCK, this.#ticket, 0)
    // A store will do: nobody else writes it while the lock is held.
    Atomics.store(this.#w, this.#owner, (this.#ticket + 1) | 0, UNLOCK_ORDER)
  }

  #draw(): number {
    const w = this.#w
    const ticket = LOAD_STORE ? Atomics.load(w, this.#next) : Atomics.add(w, this.#next, 1, 'relaxed')
    pass(SITE_DRAWN, ticket, 0)
    if (LOAD_STORE) Atomics.store(w, this.#next, (ticket + 1) | 0)
    return ticket
  }
}
