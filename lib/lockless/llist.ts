/**
 * The kernel's lock-less list, include/linux/llist.h: anybody adds at the front by compare-and-swap, and who consumes
 * takes everything by one exchange. Taking only the first entry needs care: between looking at its link and swapping
 * the head, the entry may be taken, used again and added again by others, and then the link is old although the head
 * is the same (ABA). So `delFirst` is for one consumer at a time, and several go through `delFirstLocked`, as does
 * `delAll` beside it. The kernel's table of what may run side by side:
 *
 *              add   delFirst   delAll
 *   add         -       -          -
 *   delFirst            L          L
 *   delAll                         -
 */
import type { ArenaBuilder, Region } from '../shm/arena.ts'
import type { Cpu } from '../shm/cpu.ts'
import { struct } from '../shm/layout.ts'
import { bug, pass, site } from '../shm/sites.ts'
import { spinLock, spinUnlock } from '../sync/spinlock.ts'

export const LLIST = struct('llist', {
  first: 'the entry added last; 0: empty',
  consumers: 'spinlock of consumers that take single entries',
})

export const llistRegion = (builder: ArenaBuilder): Region => builder.region('llist', LLIST, 1, { ownLines: true })

const SITE_ADD = site('llist/add')
const SITE_DEL_FIRST = site('llist/del-first')

/** Consumers of single entries do without their lock. */
const UNLOCKED_CONSUMERS = bug('llist-unlocked-consumers')

/** Where an entry's link is: entries are numbered by the caller, from 1. */
export interface Links {
  next(entry: number): number
}

/** A thread's handle. */
export class Llist {
  readonly #cpu: Cpu
  readonly #w: Int32Array
  readonly #links: Links
  readonly #first: number
  readonly #consumers: number
  /** Swaps that failed, since another thread was quicker. */
  retries = 0

  constructor(cpu: Cpu, image: Region, links: Links) {
    this.#cpu = cpu
    this.#w = cpu.w
    this.#links = links
    this.#first = image.base + LLIST.first
    this.#consumers = image.base + LLIST.consumers
  }

  /** Adds an entry; whether the list was empty, so that somebody has to be told. */
  add(entry: number): boolean {
    return this.addBatch(entry, entry)
  }

  /** Adds a chain of entries that are linked from `newest` to `oldest`. */
  addBatch(newest: number, oldest: number): boolean {
    const w = this.#w
    for (;;) {
      const first = Atomics.load(w, this.#first, 'relaxed')
      Atomics.store(w, this.#links.next(oldest), first, 'relaxed')
      pass(SITE_ADD, newest, first)
      // Release: who finds the entry finds its contents and its link. ABA does no harm here, since what matters is
      // only that `first` is first now.
      if (Atomics.compareExchange(w, this.#first, first, newest, 'release') === first) return first === 0
      this.retries++
    }
  }

  /** Takes all entries: the one added last, the others by its link; 0 when empty. */
  delAll(): number {
    // Full order, as the kernel's xchg: acquires the entries, and releases nothing.
    return Atomics.exchange(this.#w, this.#first, 0)
  }

  /** Takes the entry added last; 0 when empty. For one consumer at a time. */
  delFirst(): number {
    const w = this.#w
    for (;;) {
      // Acquire: the entry's link is read after it.
      const first = Atomics.load(w, this.#first, 'acquire')
      if (first === 0) return 0
      const next = Atomics.load(w, this.#links.next(first), 'relaxed')
      pass(SITE_DEL_FIRST, first, next)
      if (Atomics.compareExchange(w, this.#first, first, next) === first) return first
      this.retries++
    }
  }

  /** As `delFirst`, for several consumers. */
  delFirstLocked(): number {
    this.#lock()
    const first = this.delFirst()
    this.#unlock()
    return first
  }

  /** As `delAll`, beside others that take single entries. */
  delAllLocked(): number {
    this.#lock()
    const first = this.delAll()
    this.#unlock()
    return first
  }

  #lock(): void {
    if (!UNLOCKED_CONSUMERS) spinLock(this.#cpu, this.#consumers)
  }

  #unlock(): void {
    if (!UNLOCKED_CONSUMERS) spinUnlock(this.#cpu, this.#consumers)
  }
}
