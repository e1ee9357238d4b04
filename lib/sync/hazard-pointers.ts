/**
 * Hazard pointers: who wants to look at an object that others may free says so first, in a slot of its own that all can
 * read, and then looks again whether the object can still be reached. Who has unlinked an object keeps it until it is
 * in nobody's slot.
 *
 * M. M. Michael, "Hazard pointers: safe memory reclamation for lock-free objects", IEEE TPDS 15(6), 2004.
 * Different here: a fixed number of threads, and retired objects of a thread that leaves are left where they are.
 */
import { type ArenaBuilder, objectAt, type Region } from '../shm/arena.ts'
import { struct } from '../shm/layout.ts'
import { bug, pass, site } from '../shm/sites.ts'

/** Slots of a thread: what a queue needs, for a node and the one behind it. */
const SLOTS = 2

const HAZARD = struct('hazard', { slot: { words: SLOTS, describe: 'an object that the owner looks at; 0: none' } })

export interface HazardImage {
  readonly hazards: Region
}

/** Reserves the slots of so many threads. */
export const hazardRegion = (builder: ArenaBuilder, threads: number): HazardImage => ({
  hazards: builder.region('hazard', HAZARD, threads, { ownLines: true }),
})

const SITE_FOUND = site('hazard/found')
const SITE_SCAN = site('hazard/scan')

/** An object is taken to be protected once it is in a slot, although it may have been retired before. */
const NOT_REVALIDATED = bug('hazard-not-revalidated')
/** The slot is stored by a release and the second look is no more than an acquire: the look may come first. */
const PUBLISHED_RELAXED = bug('hazard-published-relaxed')
/** Who frees looks into the first slot of each thread. */
const SLOTS_SCANNED = bug('hazard-scan-first-slot') ? 1 : SLOTS

/** A thread's handle. Objects are numbers other than 0. */
export class HazardPointers {
  readonly #w: Int32Array
  readonly #region: Region
  readonly #mine: number
  readonly #reclaim: (object: number) => void
  readonly #batch: number
  #retired: number[] = []
  #kept: number[] = []

  /**
   * @param id      number of the thread, from 0
   * @param reclaim frees an object that nobody looks at
   * @param batch   retired objects that make a scan worth its while; Michael has a multiple of all slots, tests few
   */
  constructor(w: Int32Array, image: HazardImage, id: number, reclaim: (object: number) => void, batch = 2) {
    this.#w = w
    this.#region = image.hazards
    this.#mine = objectAt(image.hazards, id) + HAZARD.slot
    this.#reclaim = reclaim
    this.#batch = batch
  }

  /** The object that a cell names, kept from being freed until the slot is used again or cleared; 0: it names none. */
  protect(slot: number, at: number): number {
    const w = this.#w
    for (;;) {
      const object = Atomics.load(w, at, 'acquire')
      if (object === 0 || this.announce(slot, object, at, object)) return object
    }
  }

  /**
   * Puts an object into a slot. Returns whether a cell still holds what it did, as long as which the object can be
   * reached: then it had not been retired when it was announced, and nobody frees it any more.
   */
  announce(slot: number, object: number, at: number, expected: number): boolean {
    const w = this.#w
    pass(SITE_FOUND, slot, object)
    if (PUBLISHED_RELAXED) {
      Atomics.store(w, this.#mine + slot, object, 'release')
      return Atomics.load(w, at, 'acquire') === expected
    }
    // Full order on both: the second look must not come before the slot can be seen. Either it finds the object
    // unlinked, or who unlinks it scans afterwards and finds the slot.
    Atomics.store(w, this.#mine + slot, object)
    return NOT_REVALIDATED || Atomics.load(w, at) === expected
  }

  /** Lets go of what a slot holds. */
  clear(slot: number): void {
    // Release: what was read under the protection was read before.
    Atomics.store(this.#w, this.#mine + slot, 0, 'release')
  }

  /** Frees an object that can no longer be reached, now or later. */
  retire(object: number): void {
    this.#retired.push(object)
    if (this.#retired.length >= this.#batch) this.#scan()
  }

  /** Frees what nobody looks at; returns how many objects are left. */
  leave(): number {
    for (let slot = 0; slot < SLOTS; slot++) this.clear(slot)
    this.#scan()
    return this.#retired.length
  }

  #scan(): void {
    pass(SITE_SCAN, this.#retired.length, 0)
    const candidates = this.#retired
    this.#retired = this.#kept
    this.#kept = candidates
    for (const object of candidates) {
      if (this.#isHeld(object)) this.#retired.push(object)
      else this.#reclaim(object)
    }
    candidates.length = 0
  }

  #isHeld(object: number): boolean {
    for (let thread = 0; thread < this.#region.count; thread++) {
      const slots = objectAt(this.#region, thread) + HAZARD.slot
      for (let slot = 0; slot < SLOTS_SCANNED; slot++) {
        // Full order: after whatever unlinked the object.
        if (Atomics.load(this.#w, slots + slot) === object) return true
      }
    }
    return false
  }
}
