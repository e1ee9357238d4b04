/**
 * The memory as one thread works on it: the addresses it needs often, worked out once, its stores, and its private state.
 * All code of the model works on a kernel, so it stands below all of it. The three parts that a kernel has of that code
 * are known here by what they promise; `boot.ts` puts them in.
 */
import { Cpu } from '../shm/cpu.ts'
import { Slab } from '../shm/slab.ts'
import { Rcu } from '../sync/rcu.ts'
import { ANON_VMA_KEPT_WORDS, VMA_KEPT_WORDS } from './layout.ts'
import type { MemoryImage } from './memory.ts'
import { Mm } from './mm.ts'
import { Frames } from './page/frames.ts'
import type { Policy } from './policy/policy.ts'
import type { Gather } from './tlb/gather.ts'
import type { Tlb } from './tlb/tlb.ts'

/** What this thread's faults came to; plain numbers, since only the thread itself adds to them. */
export class FaultStats {
  faults = 0
  /** Handled as the policy would like to handle all: without mmap_lock; of the range lock, without waiting. */
  fast = 0
  /** Tried again because a handler had to drop the lock. */
  retries = 0
  /** Walked again because the VMA found was detached. */
  rewalks = 0
  fallbackNoVma = 0
  /** Not private anonymous memory, which is all that the scheme supports. */
  fallbackShared = 0
  fallbackLocked = 0
  fallbackRefs = 0
  fallbackOtherMm = 0
  fallbackRange = 0
  /** No anon_vma yet, and finding one needs the neighbours. */
  fallbackAnonVma = 0
  fallbackDetached = 0
  fallbackRetry = 0
  /** A speculation met a writer when it began; found that one had come; found one under the page table lock. */
  abortOdd = 0
  abortChanged = 0
  abortRecheck = 0
  /** It was refused, and who holds mmap_lock will know why. */
  abortAccess = 0
  /** There is no page table yet, or no longer the one it walked. */
  abortTable = 0
  abortTrylock = 0
  /** A page that may have to be copied. */
  abortCow = 0
  /** A fault had to wait for a writer of its page's range; it had to lock its VMA and the pages beside it. */
  rangeWaits = 0
  rangeWidened = 0
  /** Another fault was faster: not a fallback. */
  pteChanged = 0
}

const never = () => false

/** Retired objects of one thread before it waits for a grace period: the slabs are sized for it. */
const RETIRED_LIMIT = 8

/** Makers of a kernel's parts, called in this order when all else is in place. */
export interface Parts {
  readonly tlb: (k: Kernel) => Tlb
  readonly gather: (k: Kernel) => Gather
  readonly policy: (k: Kernel) => Policy
}

/**
 * The memory as one thread works on it. One for each thread and image; `cpuId` is the thread's CPU, used by nobody
 * else.
 */
export class Kernel {
  readonly w: Int32Array
  readonly image: MemoryImage
  readonly cpu: Cpu
  readonly rcu: Rcu
  readonly frames: Frames
  readonly tlb: Tlb
  readonly gather: Gather
  readonly vmas: Slab
  readonly anonVmas: Slab
  readonly avcs: Slab
  readonly nodes: Slab
  readonly tables: Slab
  readonly mms: readonly Mm[]
  readonly policy: Policy
  readonly stats = new FaultStats()
  readonly levels: number
  readonly tableBits: number
  /** Entries of a table less one. */
  readonly tableMask: number
  /** Whether stacks grow under mmap_lock held for read. */
  readonly growsUnderRead: boolean
  /** log2 of the words of a page table entry. */
  readonly pteShift: number
  /** Words of a table's entries. */
  readonly tableWords: number
  /** Room for the tickets of one shootdown. */
  readonly tickets: Int32Array
  /** Whether an allocation is to fail on purpose: a scenario says when. Never asked where pages are allocated. */
  shouldFail: () => boolean = never
  readonly #freeNode: (node: number) => void
  readonly #freeVma: (vma: number) => void
  #retired = 0

  constructor(image: MemoryImage, cpuId: number, parts: Parts) {
    const w = image.arena.words
    this.w = w
    this.image = image
    this.cpu = new Cpu(w, image.cpus, cpuId)
    this.rcu = new Rcu(this.cpu, image.rcu)
    this.vmas = new Slab(w, image.vmas, VMA_KEPT_WORDS)
    this.anonVmas = new Slab(w, image.anonVmas, ANON_VMA_KEPT_WORDS)
    this.avcs = new Slab(w, image.avcs)
    this.nodes = new Slab(w, image.nodes)
    this.tables = new Slab(w, image.tables)
    this.mms = Array.from({ length: image.options.mms }, (_, id) => new Mm(image, this.cpu, id))
    this.levels = image.options.levels
    this.tableBits = image.options.tableBits
    this.tableMask = (1 << this.tableBits) - 1
    this.growsUnderRead = image.options.stack === 'expand-read'
    this.pteShift = image.options.pte === 'pae' ? 1 : 0
    this.tableWords = 1 << (this.tableBits + this.pteShift)
    this.tickets = new Int32Array(image.options.cpus)
    this.frames = new Frames(this.cpu, image)
    this.tlb = parts.tlb(this)
    this.gather = parts.gather(this)
    this.policy = parts.policy(this)
    this.#freeNode = node => {
      this.#retired--
      this.nodes.free(node)
    }
    this.#freeVma = vma => {
      this.#retired--
      this.vmas.free(vma)
    }
  }

  /** Resident pages, as this CPU counts them: own cells. */
  countAnon(mm: Mm, pages: number): void {
    this.w[mm.rssAnon] += pages // own cell
  }

  countShmem(mm: Mm, pages: number): void {
    this.w[mm.rssShmem] += pages // own cell
  }

  /** Frees a node of a VMA store after a grace period. */
  retireNode(node: number): void {
    this.#retired++
    this.rcu.call(this.#freeNode, node)
  }

  /** Frees a VMA after a grace period. */
  retireVma(vma: number): void {
    this.#retired++
    this.rcu.call(this.#freeVma, vma)
  }

  /** Frees a page table after a grace period. */
  retireTable(free: (table: number) => void, table: number): void {
    this.#retired++
    this.rcu.call(free, table)
  }

  /** To be called by what `retireTable` runs. */
  tableFreed(): void {
    this.#retired--
  }

  /** After an operation, with no lock held: keeps the number of objects that wait for a grace period small. */
  quiesce(): void {
    if (this.#retired > RETIRED_LIMIT) this.rcu.barrier()
    else this.rcu.poll()
  }
}
