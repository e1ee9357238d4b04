/**
 * The deque of Chase and Lev: its owner pushes and takes at the bottom, and thieves steal from the top. Owner and thieves
 * compete for the last task only. When it is full the owner copies it into an array of twice the size; what a thief
 * reads in the old one stays true, since a position keeps its task until the top has passed it.
 *
 * D. Chase and Y. Lev, "Dynamic circular work-stealing deque", SPAA 2005. The orderings: N. M. Lê, A. Pop, A. Cohen and
 * F. Zappa Nardelli, "Correct and efficient work-stealing for weak memory models", PPoPP 2013.
 * Different here: the arrays of all sizes are reserved at the start, and old ones are not reused.
 */
import type { ArenaBuilder, Region } from '../shm/arena.ts'
import { struct } from '../shm/layout.ts'
import { bug, pass, site } from '../shm/sites.ts'

const TOP = struct('top', { position: 'of the first task, for thieves; only grows' })
const BOTTOM = struct('bottom', { position: 'one behind the last task; the owner alone moves it' })
const ARRAY = struct('array', { number: 'of the array in use: each has twice the size of the one before' })
const TASK = struct('task', { value: 'a task' })

export interface ChaseLevImage {
  readonly top: Region
  readonly bottom: Region
  readonly array: Region
  readonly tasks: Region
  /** Size of the first array. */
  readonly smallest: number
  /** How often the deque can grow. */
  readonly growths: number
}

/** What `steal` returns when another thread was quicker: it may be tried again at once. */
export const LOST = -1

const SITE_TAKE_LAST = site('chase-lev/take-last')
const SITE_TAKE = site('chase-lev/take')
const SITE_STEAL = site('chase-lev/steal')

/** The owner has the last task without competing for it. */
const LAST_UNGUARDED = bug('chase-lev-last-unguarded')
/** Between the owner's claim and its look at the thieves is no fence: the claim may become visible later. */
const NO_FENCE = bug('chase-lev-no-fence')

/** Reserves a deque whose first array has `smallest` places, a power of two, and that may double so many times. */
export function chaseLevRegion(builder: ArenaBuilder, smallest: number, growths: number): ChaseLevImage {
  if (smallest < 1 || (smallest & (smallest - 1)) !== 0) throw new RangeError(`${smallest} places: no power of two`)
  return {
    top: builder.region('top', TOP, 1, { ownLines: true }),
    bottom: builder.region('bottom', BOTTOM, 1, { ownLines: true }),
    array: builder.region('array', ARRAY, 1, { ownLines: true }),
    tasks: builder.region('task', TASK, smallest * ((2 << growths) - 1)),
    smallest,
    growths,
  }
}

/** A handle: of the owner, which pushes and takes, or of a thief. Tasks are positive numbers. */
export class ChaseLevDeque {
  readonly #w: Int32Array
  readonly #image: ChaseLevImage
  readonly #top: number
  readonly #bottom: number
  readonly #array: number

  constructor(w: Int32Array, image: ChaseLevImage) {
    this.#w = w
    this.#image = image
    this.#top = image.top.base + TOP.position
    this.#bottom = image.bottom.base + BOTTOM.position
    this.#array = image.array.base + ARRAY.number
  }

  /** The owner's: false when the largest array is full. */
  push(task: number): boolean {
    const w = this.#w
    const bottom = Atomics.load(w, this.#bottom, 'relaxed')
    // Acquire: a place is used again after the thief that emptied it has read it.
    const top = Atomics.load(w, this.#top, 'acquire')
    let array = Atomics.load(w, this.#array, 'relaxed')
    if (bottom - top >= this.#sizeOf(array)) {
      if (array === this.#image.growths) return false
      this.#grow(array, top, bottom)
      array++
    }
    Atomics.store(w, this.#cell(array, bottom), task, 'relaxed')
    // Release: who finds the bottom finds the task.
    Atomics.store(w, this.#bottom, bottom + 1, 'release')
    return true
  }

  /** The owner's: the task pushed last; 0 when there is none. */
  take(): number {
    const w = this.#w
    const bottom = Atomics.load(w, this.#bottom, 'relaxed') - 1
    const array = Atomics.load(w, this.#array, 'relaxed')
    // Full order on both: the claim is seen before we look for thieves. A thief looks at the top and then at the
    // bottom, so either it sees the claim or we see how far it has come.
    if (NO_FENCE) Atomics.store(w, this.#bottom, bottom, 'relaxed')
    else Atomics.store(w, this.#bottom, bottom)
    pass(SITE_TAKE, bottom, 0)
    const top = NO_FENCE ? Atomics.load(w, this.#top, 'relaxed') : Atomics.load(w, this.#top)
    if (top > bottom) {
      Atomics.store(w, this.#bottom, bottom + 1, 'relaxed')
      return 0
    }
    const task = Atomics.load(w, this.#cell(array, bottom), 'relaxed')
    if (top < bottom) return task
    pass(SITE_TAKE_LAST, bottom, task)
    // The last task: whoever moves the top has it.
    if (LAST_UNGUARDED) Atomics.store(w, this.#top, top + 1)
    const won = LAST_UNGUARDED || Atomics.compareExchange(w, this.#top, top, top + 1) === top
    Atomics.store(w, this.#bottom, bottom + 1, 'relaxed')
    return won ? task : 0
  }

  /** A thief's: the task pushed first; 0 when there is none, LOST when another thread was quicker. */
  steal(): number {
    const w = this.#w
    const top = Atomics.load(w, this.#top, 'acquire')
    // Full order: after the top.
    const bottom = Atomics.load(w, this.#bottom)
    if (top >= bottom) return 0
    // Acquire: what was copied into the array is read after its number. Before the swap: afterwards the owner may use
    // the place again.
    const array = Atomics.load(w, this.#array, 'acquire')
    const task = Atomics.load(w, this.#cell(array, top), 'relaxed')
    pass(SITE_STEAL, top, task)
    return Atomics.compareExchange(w, this.#top, top, top + 1) === top ? task : LOST
  }

  #grow(array: number, top: number, bottom: number): void {
    const w = this.#w
    for (let at = top; at < bottom; at++)
      Atomics.store(w, this.#cell(array + 1, at), Atomics.load(w, this.#cell(array, at), 'relaxed'), 'relaxed')
    // Release: who finds the number finds what was copied.
    Atomics.store(w, this.#array, array + 1, 'release')
  }

  #sizeOf(array: number): number {
    return this.#image.smallest << array
  }

  #cell(array: number, position: number): number {
    const { tasks, smallest } = this.#image
    const first = smallest * ((1 << array) - 1)
    return tasks.base + first + (position & (this.#sizeOf(array) - 1))
  }
}
