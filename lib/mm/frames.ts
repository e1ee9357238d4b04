/**
 * Physical frames: a list of free frames per CPU over a shared allocator. Both are stacks, so that a freed frame is
 * handed out again at once. Reference count and map count are separate, as in `struct page`.
 */
import { violated } from '../check/oracle.ts'
import { objectAt, POISON } from '../shm/arena.ts'
import type { Cpu } from '../shm/cpu.ts'
import { spinLock, spinUnlock } from '../sync/spinlock.ts'
import { BUDDY, FRAME, PCP } from './layout.ts'
import { DATA_AT, type MemoryImage, PCP_BATCH, PCP_HIGH } from './memory.ts'

export class Frames {
  readonly #w: Int32Array
  readonly #cpu: Cpu
  readonly #base: number
  readonly #stride: number
  readonly #dataWords: number
  /** This CPU's list. Touched by nobody else while threads run: plain accesses. */
  readonly #pcp: number
  readonly #buddy: number

  constructor(cpu: Cpu, image: MemoryImage) {
    this.#w = cpu.w
    this.#cpu = cpu
    this.#base = image.frames.base
    this.#stride = image.frames.stride
    this.#dataWords = image.options.cpus
    this.#pcp = objectAt(image.pcps, cpu.id)
    this.#buddy = image.buddy.base
  }

  /** Word of the frame's descriptor. */
  at(frame: number): number {
    return this.#base + frame * this.#stride
  }

  /** A zeroed frame with one reference, or 0 when memory is exhausted (0 is the zero page, never allocated). */
  alloc(): number {
    const w = this.#w
    let count = w[this.#pcp + PCP.count] // own cell
    if (count === 0) {
      count = this.#refill()
      if (count === 0) return 0
    }
    const frame = w[this.#pcp + PCP.count + count] // own cell
    w[this.#pcp + PCP.count] = count - 1 // own cell
    const at = this.at(frame)
    this.#checkFree(frame, at)
    // Plain stores: nobody can reach the frame before its number is published, atomically, in a page table.
    for (let word = at + DATA_AT, end = word + this.#dataWords; word < end; word++) w[word] = 0 // unpublished
    Atomics.store(w, at + FRAME.refcount, 1)
    return frame
  }

  #checkFree(frame: number, at: number): void {
    const w = this.#w
    for (let word = at + DATA_AT, end = word + this.#dataWords; word < end; word++) {
      // Plain loads: if the allocator is right, nobody writes to a free frame.
      const found = w[word] // unpublished
      if (found !== POISON)
        violated('FREE', `frame ${frame} was written to while it was free: word ${word - at - DATA_AT} holds ${found}`)
    }
  }

  /** Takes a further reference of a frame that the caller knows to be referenced. */
  get(frame: number): void {
    if (Atomics.add(this.#w, this.at(frame) + FRAME.refcount, 1, 'relaxed') <= 0)
      violated('REF', `frame ${frame} was referenced while it was free`)
  }

  /** Gives up a reference; the last one frees the frame. */
  put(frame: number): void {
    const before = Atomics.sub(this.#w, this.at(frame) + FRAME.refcount, 1)
    if (before === 1) this.#free(frame)
    else if (before <= 0) violated('REF', `frame ${frame}: a reference was given up that nobody held`)
  }

  addMapping(frame: number): void {
    Atomics.add(this.#w, this.at(frame) + FRAME.mapcount, 1, 'relaxed')
  }

  /** A mapping of a frame that only the caller can reach yet. */
  firstMapping(frame: number): void {
    Atomics.store(this.#w, this.at(frame) + FRAME.mapcount, 1, 'relaxed')
  }

  dropMapping(frame: number): void {
    if (Atomics.sub(this.#w, this.at(frame) + FRAME.mapcount, 1) <= 0)
      violated('REF', `frame ${frame} was unmapped once more than it was mapped`)
  }

  #free(frame: number): void {
    const w = this.#w
    const at = this.at(frame)
    const mapcount = Atomics.load(w, at + FRAME.mapcount)
    if (mapcount !== 0) violated('FREE', `frame ${frame} was freed while ${mapcount} page table entries map it`)
    // The generation changes before the frame can be handed out: whoever still translates to it sees the change.
    Atomics.add(w, at + FRAME.gen, 1)
    Atomics.store(w, at + FRAME.flags, 0)
    for (let word = at + DATA_AT, end = word + this.#dataWords; word < end; word++) w[word] = POISON // unpublished
    let count = w[this.#pcp + PCP.count] // own cell
    if (count === PCP_HIGH) count = this.#spill()
    w[this.#pcp + PCP.count + count + 1] = frame // own cell
    w[this.#pcp + PCP.count] = count + 1 // own cell
  }

  /** Fetches a batch from the shared allocator; returns how many frames this CPU has now. */
  #refill(): number {
    const w = this.#w
    const list = this.#pcp + PCP.count
    spinLock(this.#cpu, this.#buddy + BUDDY.lock)
    const shared = Atomics.load(w, this.#buddy + BUDDY.count)
    const moved = Math.min(shared, PCP_BATCH)
    const stack = this.#buddy + BUDDY.count
    for (let n = 0; n < moved; n++) w[list + moved - n] = Atomics.load(w, stack + shared - n) // own cell
    Atomics.store(w, this.#buddy + BUDDY.count, shared - moved)
    spinUnlock(this.#cpu, this.#buddy + BUDDY.lock)
    w[list] = moved // own cell
    return moved
  }

  /** Gives a batch back, the oldest first; returns how many frames this CPU has left. */
  #spill(): number {
    const w = this.#w
    const list = this.#pcp + PCP.count
    const stack = this.#buddy + BUDDY.count
    spinLock(this.#cpu, this.#buddy + BUDDY.lock)
    const shared = Atomics.load(w, stack)
    for (let n = 1; n <= PCP_BATCH; n++) Atomics.store(w, stack + shared + n, w[list + n]) // own cell
    Atomics.store(w, stack, shared + PCP_BATCH)
    spinUnlock(this.#cpu, this.#buddy + BUDDY.lock)
    w.copyWithin(list + 1, list + 1 + PCP_BATCH, list + 1 + PCP_HIGH) // own cell
    w[list] = PCP_HIGH - PCP_BATCH // own cell
    return PCP_HIGH - PCP_BATCH
  }
}
