/**
 * Reclamation by epochs: a thread that looks at shared objects announces the epoch in which it began. The epoch moves on
 * when all that are inside have announced the present one. An object unlinked in one epoch can be freed two later: in
 * the first of the two steps those that are still inside from before are waited for, in the second those that came in
 * meanwhile, having read the old number.
 *
 * K. Fraser, "Practical lock-freedom", PhD thesis, University of Cambridge, UCAM-CL-TR-579, 2004, section 5.2.3.
 * Different here: one queue stamped with epochs for each thread, in place of three lists. The stamp is the global epoch
 * at the time of unlinking; with the epoch that the thread itself announced, one step would be missing.
 */
import { violated } from '../check/oracle.ts'
import { type ArenaBuilder, objectAt, type Region } from '../shm/arena.ts'
import { struct } from '../shm/layout.ts'
import { bug, pass, site } from '../shm/sites.ts'
import { CallbackQueue } from './rcu-callbacks.ts'

const EPOCH = struct('epoch', { now: 'number of the present epoch' })
const VISITOR = struct('epoch_visitor', { word: 'twice the epoch in which the owner came in, plus 1; 0: outside' })

export interface EpochImage {
  readonly epoch: Region
  readonly visitors: Region
}

/** Reserves what so many threads need. */
export const epochRegion = (builder: ArenaBuilder, threads: number): EpochImage => ({
  epoch: builder.region('epoch', EPOCH, 1, { ownLines: true }),
  visitors: builder.region('epoch_visitor', VISITOR, threads, { ownLines: true }),
})

const SITE_ENTER = site('epoch/enter')
const SITE_RETIRE = site('epoch/retire')
const SITE_VISITOR_BEHIND = site('epoch/visitor-behind')

/** The epoch moves on without regard to who is inside. */
const ADVANCE_UNCHECKED = bug('epoch-advance-unchecked')
/** An object is stamped with the epoch that its thread announced, which may be one behind. */
const STAMP_ANNOUNCED = bug('epoch-stamp-announced')

/** A thread's handle. Objects are numbers. */
export class Epochs {
  readonly #w: Int32Array
  readonly #now: number
  readonly #mine: number
  readonly #visitors: Region
  readonly #reclaim: (object: number) => void
  readonly #limbo = new CallbackQueue()
  #announced = 0
  #inside = false

  /**
   * @param id      number of the thread, from 0
   * @param reclaim frees an object that nobody can have found
   */
  constructor(w: Int32Array, image: EpochImage, id: number, reclaim: (object: number) => void) {
    this.#w = w
    this.#now = image.epoch.base + EPOCH.now
    this.#mine = objectAt(image.visitors, id) + VISITOR.word
    this.#visitors = image.visitors
    this.#reclaim = reclaim
  }

  /** What is reachable from now on stays until `exit`. Does not nest. */
  enter(): void {
    if (this.#inside) violated('CNT', 'a thread enters an epoch twice')
    this.#inside = true
    this.#announced = Atomics.load(this.#w, this.#now)
    pass(SITE_ENTER, this.#announced, 0)
    // Full order: what is looked at is looked at after others can see that we are inside. If the epoch has moved on
    // since it was read, the old number only holds it up.
    Atomics.store(this.#w, this.#mine, (this.#announced << 1) | 1)
  }

  exit(): void {
    if (!this.#inside) violated('CNT', 'a thread leaves an epoch that it did not enter')
    this.#inside = false
    // Release: what was looked at was looked at before.
    Atomics.store(this.#w, this.#mine, 0, 'release')
  }

  /** Frees an object that was unlinked, two epochs from now. */
  retire(object: number): void {
    // Full order: after the object was unlinked. Who finds it still has announced this epoch or an earlier one.
    const now = Atomics.load(this.#w, this.#now)
    if (now !== this.#announced) pass(SITE_RETIRE, now, this.#announced)
    const stamp = STAMP_ANNOUNCED ? this.#announced : now
    this.#limbo.push(this.#reclaim, object, (stamp + 2) | 0)
    this.reclaim()
  }

  /** Moves the epoch on if that is possible, and frees what has become free. */
  reclaim(): void {
    this.#advance()
    this.#limbo.run(Atomics.load(this.#w, this.#now))
  }

  /** Frees what can be freed; returns how many objects are left. */
  leave(): number {
    this.reclaim()
    this.reclaim()
    return this.#limbo.length
  }

  #advance(): void {
    const now = Atomics.load(this.#w, this.#now)
    const present = (now << 1) | 1
    for (let thread = 0; thread < this.#visitors.count; thread++) {
      const word = Atomics.load(this.#w, objectAt(this.#visitors, thread) + VISITOR.word)
      if (word === 0 || word === present) continue
      pass(SITE_VISITOR_BEHIND, thread, word)
      if (!ADVANCE_UNCHECKED) return
    }
    Atomics.compareExchange(this.#w, this.#now, now, (now + 1) | 0)
  }
}
