/**
 * Physical frames: a list of free frames per CPU over a shared allocator. Both are stacks, so that a freed frame is
 * handed out again at once. Reference count and map count are separate, as in `struct page`.
 */
import { violated } from '../../check/oracle.ts'
import { objectAt, POISON } from '../../shm/arena.ts'
import type { Cpu } from '../../shm/cpu.ts'
import { bug, pass, site } from '../../shm/sites.ts'
import { spinLock, spinUnlock } from '../../sync/spinlock.ts'
import { BUDDY, FRAME, LRU_BATCH, PCP, PG_ANON_EXCLUSIVE, VMA } from '../layout.ts'
import { DATA_AT, LRU_BATCH_SIZE, type MemoryImage, PCP_BATCH, PCP_HIGH } from '../memory.ts'

const UNCHECKED = bug('page-ref-unchecked')
const REFUSED = site('page-ref/refused')

/**
 * What a pin adds to the reference count: a page that somebody pinned is told from one that is only referenced by the
 * size of the count, and sometimes one is taken for pinned that has very many references. As in the kernel.
 */
export const GUP_PIN_COUNTING_BIAS = 1024

export class Frames {
  readonly #w: Int32Array
  readonly #cpu: Cpu
  readonly #base: number
  readonly #stride: number
  readonly #dataWords: number
  /** A count of fewer bits lies in the upper ones of its word, so that it overflows as a narrow word does. */
  readonly #shift: number
  /** One reference, as it lies in the word. */
  readonly #one: number
  /** This CPU's list. Touched by nobody else while threads run: plain accesses. */
  readonly #pcp: number
  readonly #buddy: number
  /** Whether a VMA may grow while a fault in it goes on. */
  readonly #bordersMove: boolean
  /** This CPU's batch of new pages: as the list. */
  readonly #lru: number

  constructor(cpu: Cpu, image: MemoryImage) {
    this.#w = cpu.w
    this.#cpu = cpu
    this.#base = image.frames.base
    this.#stride = image.frames.stride
    this.#dataWords = image.options.cpus
    this.#shift = 32 - image.options.refcountBits
    this.#one = 1 << this.#shift
    this.#pcp = objectAt(image.pcps, cpu.id)
    this.#buddy = image.buddy.base
    this.#bordersMove = image.options.stack === 'expand-read'
    this.#lru = objectAt(image.lruBatches, cpu.id)
  }

  /** Word of the frame's descriptor. */
  at(frame: number): number {
    return this.#base + frame * this.#stride
  }

  /** A zeroed frame with one reference, its flags still those of its last use, or 0 when memory is exhausted (0 is the zero page, never allocated). */
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
    Atomics.store(w, at + FRAME.refcount, this.#one)
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
    if (Atomics.add(this.#w, this.at(frame) + FRAME.refcount, this.#one, 'relaxed') === 0)
      violated('REF', `frame ${frame} was referenced while it was free`)
  }

  /** Takes a reference of a frame that may be free by now. False: it is, or somebody has frozen its count. */
  tryGet(frame: number): boolean {
    const at = this.at(frame) + FRAME.refcount
    for (let seen = Atomics.load(this.#w, at); seen !== 0; ) {
      const before = Atomics.compareExchange(this.#w, at, seen, (seen + this.#one) | 0)
      if (before === seen) return true
      seen = before
    }
    return false
  }

  /**
   * As `tryGet`, so many references at once, for who takes them for whoever asks, as often as he asks: not when the count
   * has become so large that it may overflow some day, which counts as negative.
   */
  tryGrab(frame: number, count: number): boolean {
    const at = this.at(frame) + FRAME.refcount
    for (let seen = Atomics.load(this.#w, at); seen !== 0; ) {
      if (seen < 0) {
        pass(REFUSED, frame, count)
        if (!UNCHECKED) return false
      }
      const before = Atomics.compareExchange(this.#w, at, seen, (seen + count * this.#one) | 0)
      if (before === seen) return true
      seen = before
    }
    return false
  }

  /** References, pins with their bias among them. A free frame has none. */
  references(frame: number): number {
    return Atomics.load(this.#w, this.at(frame) + FRAME.refcount) >>> this.#shift
  }

  /** Whether somebody may have pinned the page: not certain, but no certainly means no. */
  maybePinned(frame: number): boolean {
    return this.references(frame) >= GUP_PIN_COUNTING_BIAS
  }

  /** Gives up a pin; the last reference frees the frame. */
  unpin(frame: number): void {
    const pin = GUP_PIN_COUNTING_BIAS * this.#one
    const before = Atomics.sub(this.#w, this.at(frame) + FRAME.refcount, pin)
    if (before === pin) this.#free(frame)
    else if (before >>> this.#shift < GUP_PIN_COUNTING_BIAS)
      violated('REF', `frame ${frame}: a pin was given up, and the count was ${before >>> this.#shift}`)
  }

  /** Gives up a reference; the last one frees the frame. */
  put(frame: number): void {
    const before = Atomics.sub(this.#w, this.at(frame) + FRAME.refcount, this.#one)
    if (before === this.#one) this.#free(frame)
    else if (before === 0) violated('REF', `frame ${frame}: a reference was given up that nobody held`)
  }

  /** Makes a page that has exactly so many references one that nobody can refer to. False: it has others. */
  freeze(frame: number, count: number): boolean {
    const expected = count * this.#one
    return Atomics.compareExchange(this.#w, this.at(frame) + FRAME.refcount, expected, 0) === expected
  }

  unfreeze(frame: number, count: number): void {
    Atomics.store(this.#w, this.at(frame) + FRAME.refcount, count * this.#one, 'release')
  }

  /** Frees a page whose count was frozen. */
  freeFrozen(frame: number): void {
    this.#free(frame)
  }

  addMapping(frame: number): void {
    Atomics.add(this.#w, this.at(frame) + FRAME.mapcount, 1, 'relaxed')
  }

  /**
   * The first mapping of a new page of private memory, at page `vpn` of the VMA; only the caller can reach the frame
   * yet. The page goes to the lists of reclaim, and until then the batch holds a reference.
   */
  firstMapping(frame: number, vma: number, vpn: number): void {
    const w = this.#w
    const index = this.#bordersMove
      ? stableIndex(w, vma, vpn)
      : vpn - Atomics.load(w, vma + VMA.vm_start) + Atomics.load(w, vma + VMA.vm_pgoff)
    this.firstMappingOf(frame, Atomics.load(w, vma + VMA.anon_vma), index)
  }

  /** As `firstMapping`, for who knows the VMA's anon_vma and the page's place in it from a copy. */
  firstMappingOf(frame: number, anonVma: number, index: number): void {
    const w = this.#w
    const at = this.at(frame)
    Atomics.store(w, at + FRAME.index, index, 'relaxed')
    Atomics.store(w, at + FRAME.mapping, anonVma, 'relaxed')
    Atomics.store(w, at + FRAME.flags, PG_ANON_EXCLUSIVE, 'relaxed')
    Atomics.store(w, at + FRAME.mapcount, 1, 'relaxed')
    // An addition: whoever still has the frame's number from earlier may hold a reference for a moment, and let it go.
    Atomics.add(w, at + FRAME.refcount, this.#one, 'relaxed')
    this.#addToLru(frame)
  }

  /** Whether it is a page of private memory; it is mapped, or referenced. */
  isAnon(frame: number): boolean {
    return Atomics.load(this.#w, this.at(frame) + FRAME.mapping) > 0
  }

  /** Makes a page, locked and ours alone, one of another anon_vma: walks need not look at the ancestors any more. */
  moveAnon(frame: number, anonVma: number): void {
    Atomics.store(this.#w, this.at(frame) + FRAME.mapping, anonVma)
  }

  /** Copies the content of a frame that nobody writes to, to one that nobody else can reach yet. */
  copy(from: number, to: number): void {
    const source = this.at(from) + DATA_AT
    const target = this.at(to) + DATA_AT
    for (let n = 0; n < this.#dataWords; n++) this.#w[target + n] = Atomics.load(this.#w, source + n) // unpublished
  }

  /** Makes a new frame a page of an object, which keeps its reference; only the caller can reach it yet. */
  toObject(frame: number, object: number, page: number): void {
    const at = this.at(frame)
    Atomics.store(this.#w, at + FRAME.flags, 0, 'relaxed')
    Atomics.store(this.#w, at + FRAME.mapping, -object, 'relaxed')
    Atomics.store(this.#w, at + FRAME.index, page, 'relaxed')
  }

  #addToLru(frame: number): void {
    const w = this.#w
    const count = w[this.#lru + LRU_BATCH.count] + 1 // own cell
    w[this.#lru + LRU_BATCH.count + count] = frame // own cell
    w[this.#lru + LRU_BATCH.count] = count // own cell
    if (count === LRU_BATCH_SIZE) this.drainLru()
  }

  /** Puts this CPU's batch on the lists of reclaim, and lets go of the pages. Those of other CPUs stay theirs. */
  drainLru(): void {
    const w = this.#w
    const count = w[this.#lru + LRU_BATCH.count] // own cell
    w[this.#lru + LRU_BATCH.count] = 0 // own cell
    for (let n = 1; n <= count; n++) this.put(w[this.#lru + LRU_BATCH.count + n]) // own cell
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

/** Place of a page in a VMA whose start may move at this moment: taken from two words of one version of it. */
function stableIndex(w: Int32Array, vma: number, vpn: number): number {
  for (;;) {
    const version = Atomics.load(w, vma + VMA.committed)
    const index = vpn - Atomics.load(w, vma + VMA.vm_start) + Atomics.load(w, vma + VMA.vm_pgoff)
    if (version !== 0 && Atomics.load(w, vma + VMA.committed) === version) return index
  }
}
