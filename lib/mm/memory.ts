/**
 * Makes the memory of the model: physical frames, address spaces, slabs, oracles' cells, in one arena. The image is
 * plain data and travels to the threads; each thread looks at it through a `Kernel`.
 */
import { ArenaBuilder, type ArenaImage, objectAt, POISON, type Region } from '../shm/arena.ts'
import { cpuRegion } from '../shm/cpu.ts'
import { struct } from '../shm/layout.ts'
import { initSlab, Slab, type SlabImage, slabRegion } from '../shm/slab.ts'
import { initRangeLocks, type RangeLockImage, rangeLockRegion } from '../sync/range-lock.ts'
import { type RcuImage, rcuRegion } from '../sync/rcu.ts'
import { RWSEM, waiterRegion } from '../sync/rwsem.ts'
import {
  ANON_VMA,
  AVC,
  BUDDY,
  DISK,
  FLUSH,
  FRAME,
  LRU_BATCH,
  MM,
  MM_TLB,
  OBJECT,
  PAGE_LOG,
  PCP,
  RANGE_WORDS,
  RSS,
  TABLE,
  VMA,
  VMA_NODE,
  ZERO_FRAME,
} from './layout.ts'

/** Sizes of the model. */
export interface MemoryOptions {
  /** Threads that will attach. */
  readonly cpus: number
  /** Physical frames, the zero page included. */
  readonly frames: number
  /** Address spaces, those included that fork may take into use. */
  readonly mms: number
  /** Of them, those that exist from the beginning; by default all. */
  readonly firstMms?: number
  /** Virtual pages of each address space. */
  readonly pages: number
  /** Levels of the page tables, 2 to 5. */
  readonly levels: number
  /** log2 of the entries of a table. */
  readonly tableBits: number
  /** Page table entries of one word, or of two that are never read at once. */
  readonly pte: 'word' | 'pae'
  /** Stacks grow under mmap_lock held for write, or for read, as before Linux 6.5. */
  readonly stack: 'expand-write' | 'expand-read'
  /** Most pages of a stack; 0: none grows. */
  readonly stackLimit: number
  /** VMAs in the slab, for all address spaces together: few make recycling prompt. */
  readonly vmas: number
  /** Most VMAs of one address space. */
  readonly mapCount: number
  /** Pages of each object of shared memory. */
  readonly objects: readonly number[]
  /** Pages of each file. Files are numbered behind the objects. */
  readonly files: readonly number[]
  /** Bits of a frame's reference count, 12 to 32: with few of them an overflow is near. */
  readonly refcountBits: number
}

export const DEFAULTS: MemoryOptions = {
  cpus: 2,
  frames: 4096,
  mms: 2,
  pages: 4096,
  levels: 3,
  tableBits: 6,
  pte: 'word',
  stack: 'expand-write',
  stackLimit: 0,
  vmas: 96,
  mapCount: 40,
  objects: [],
  files: [],
  refcountBits: 32,
}

/** Where everything lies: plain data over one `SharedArrayBuffer`, to be sent to every thread. */
export interface MemoryImage {
  readonly arena: ArenaImage
  readonly options: MemoryOptions
  readonly cpus: Region
  readonly waiters: Region
  readonly rcu: RcuImage
  readonly flushes: Region
  readonly mms: Region
  readonly mmapLocks: Region
  /** One range lock for each address space. */
  readonly rangeLocks: RangeLockImage
  readonly mmTlbs: Region
  /** Objects in the order mm * cpus + cpu. */
  readonly rss: Region
  /** Objects in the order mm * pages + vpn. */
  readonly pageLog: Region
  readonly vmas: SlabImage
  /** A semaphore for each VMA of the slab: what older generations of per-VMA locks lock. */
  readonly vmaLocks: Region
  readonly anonVmas: SlabImage
  readonly avcs: SlabImage
  readonly nodes: SlabImage
  readonly tables: SlabImage
  readonly frames: Region
  readonly pcps: Region
  readonly buddy: Region
  readonly lruBatches: Region
  /** Objects, then files. */
  readonly objects: readonly Region[]
  /** What lies on the disk of each file, page by page. */
  readonly disks: readonly Region[]
  /** What the oracles know of each address space's fork, and of each CPU's writes. */
  readonly lineage: Region
  readonly progress: Region
}

/** Of an address space that was forked; behind it each CPU's number before and after, and whether each page was dropped. */
export const LINEAGE = struct('lineage', {
  parent: 'number of the address space that it was forked from',
  parent_life: 'life of the parent',
  life: 'life that this is about',
})

export const PROGRESS = struct('progress', {
  number: 'of the latest write of this CPU',
})

/**
 * Frames a CPU keeps for itself at the most, and how many it exchanges with the shared allocator at once. More than are
 * dropped at once and wait in its batch: otherwise frames wander from CPU to CPU with each drop.
 */
export const PCP_HIGH = 640
export const PCP_BATCH = 64

/** New pages that a CPU collects before they go to the lists of reclaim; each is referenced meanwhile. */
export const LRU_BATCH_SIZE = 15

/** Links for each VMA, on average: one to its own anon_vma, the others to its ancestors'. */
const CHAIN_LENGTH = 8

/** Objects of one thread that may wait for a grace period at once. */
const RCU_SLACK = 64

/** Builds the memory, all frames free, all address spaces empty. Throws RangeError on sizes that do not fit. */
export function createMemory(given: Partial<MemoryOptions>): MemoryImage {
  const options = { ...DEFAULTS, ...given }
  validate(options)
  const builder = new ArenaBuilder()
  const image = layOut(builder, options)
  const memory = { arena: builder.build(), options, ...image }
  initialise(memory)
  return memory
}

function validate(o: MemoryOptions): void {
  if (o.levels < 2 || o.levels > 5) throw new RangeError(`levels: ${o.levels}, 2 to 5 are possible`)
  if (o.cpus > 31) throw new RangeError(`${o.cpus} threads: a cpumask holds 31`)
  if (o.pages > 2 ** Math.min(30, o.levels * o.tableBits))
    throw new RangeError(`${o.pages} pages do not fit into ${o.levels} levels of ${o.tableBits} bits`)
  if (o.refcountBits < 12 || o.refcountBits > 32)
    throw new RangeError(`a reference count of ${o.refcountBits} bits: 12 to 32 are possible`)
  if (o.frames > 2 ** 22) throw new RangeError(`${o.frames} frames: a page table entry holds 22 bits`)
}

function layOut(builder: ArenaBuilder, o: MemoryOptions): Omit<MemoryImage, 'arena' | 'options'> {
  const entries = 1 << o.tableBits
  const tableWords = o.pte === 'pae' ? 2 * entries : entries
  const leaves = Math.ceil(o.pages / entries)
  const perMm = leaves + Math.ceil(leaves / entries) + o.levels
  return {
    cpus: cpuRegion(builder, o.cpus),
    waiters: waiterRegion(builder, o.cpus),
    rcu: rcuRegion(builder, o.cpus),
    flushes: builder.region('flush', FLUSH, o.cpus, { ownLines: true }),
    mms: builder.region('mm', MM, o.mms, { ownLines: true }),
    mmapLocks: builder.region('mmap_lock', RWSEM, o.mms, { ownLines: true }),
    rangeLocks: rangeLockRegion(builder, o.mms, o.cpus),
    mmTlbs: builder.region('mm_tlb', MM_TLB, o.mms, { ownLines: true }),
    rss: builder.region('rss', RSS, o.mms * o.cpus, { ownLines: true }),
    pageLog: builder.region('page_log', PAGE_LOG, o.mms * o.pages),
    vmas: slabRegion(builder, 'vma', VMA, o.vmas, { ownLines: true }),
    vmaLocks: builder.region('vma_lock', RWSEM, o.vmas, { ownLines: true }),
    anonVmas: slabRegion(builder, 'anon_vma', ANON_VMA, 2 * o.vmas),
    avcs: slabRegion(builder, 'anon_vma_chain', AVC, CHAIN_LENGTH * o.vmas),
    nodes: slabRegion(builder, 'vma_node', VMA_NODE, 2 * o.mms + RCU_SLACK * o.cpus, {
      extraWords: RANGE_WORDS * o.mapCount,
    }),
    tables: slabRegion(builder, 'table', TABLE, 2 * o.mms * perMm + RCU_SLACK, {
      ownLines: true,
      extraWords: tableWords,
    }),
    frames: builder.region('frame', FRAME, o.frames, { ownLines: true, extraWords: o.cpus }),
    pcps: builder.region('pcp', PCP, o.cpus, { ownLines: true, extraWords: PCP_HIGH }),
    lruBatches: builder.region('lru_batch', LRU_BATCH, o.cpus, { ownLines: true, extraWords: LRU_BATCH_SIZE }),
    buddy: builder.region('buddy', BUDDY, 1, { extraWords: o.frames }),
    lineage: builder.region('lineage', LINEAGE, o.mms, { extraWords: forks(o) ? 2 * o.cpus + o.pages : 0 }),
    progress: builder.region('progress', PROGRESS, o.cpus, { ownLines: true }),
    objects: sizes(o).map((size, n) => builder.region(`object_${n}`, OBJECT, 1, { extraWords: size })),
    disks: o.files.map((size, n) => builder.region(`disk_${n}`, DISK, size, { extraWords: o.cpus })),
  }
}

/** Pages of everything that has slots for them. */
const sizes = (o: MemoryOptions) => [...o.objects, ...o.files]

const forks = (o: MemoryOptions) => (o.firstMms ?? o.mms) < o.mms

function initialise(m: MemoryImage): void {
  const w = m.arena.words
  for (const slab of [m.vmas, m.anonVmas, m.avcs, m.nodes, m.tables]) initSlab(w, slab)
  initRangeLocks(w, m.rangeLocks)
  for (let n = 0; n < m.options.vmas; n++) Atomics.store(w, objectAt(m.vmas.objects, n) + VMA.vm_refcnt, 0)
  for (let n = 0; n < m.anonVmas.objects.count; n++)
    Atomics.store(w, objectAt(m.anonVmas.objects, n) + ANON_VMA.lock, 0)
  for (let id = 0; id < m.options.mms; id++) initMm(m, id)
  // The zero page is never free: one reference of its own.
  Atomics.store(w, objectAt(m.frames, ZERO_FRAME) + FRAME.refcount, 1 << (32 - m.options.refcountBits))
  const words = m.options.cpus
  for (let frame = 1; frame < m.options.frames; frame++) {
    const data = objectAt(m.frames, frame) + DATA_AT
    for (let n = 0; n < words; n++) Atomics.store(w, data + n, POISON)
  }
  // Pushed from the top, so that low frames are handed out first and are easy to read in a dump.
  const stack = m.buddy.base + BUDDY.count + 1
  for (let n = 0; n < m.options.frames - 1; n++) Atomics.store(w, stack + n, m.options.frames - 1 - n)
  Atomics.store(w, m.buddy.base + BUDDY.count, m.options.frames - 1)
  for (const [n, region] of m.objects.entries()) Atomics.store(w, region.base + OBJECT.size, sizes(m.options)[n])
}

/** An empty address space: a top page table, an empty VMA store; one reference for its users if it exists already. */
function initMm(m: MemoryImage, id: number): void {
  const w = m.arena.words
  const mm = objectAt(m.mms, id)
  const top = new Slab(w, m.tables).alloc()
  for (let at = top; at < top + m.tables.objects.stride; at++) Atomics.store(w, at, 0)
  Atomics.store(w, mm + MM.pgd, top)
  const nodes = new Slab(w, m.nodes)
  const node = nodes.alloc()
  Atomics.store(w, node + VMA_NODE.serial, nodes.generation(node) << 1)
  Atomics.store(w, node + VMA_NODE.count, 0)
  Atomics.store(w, mm + MM.mm_mt, node)
  const exists = id < (m.options.firstMms ?? m.options.mms) ? 1 : 0
  Atomics.store(w, mm + MM.mm_count, exists)
  Atomics.store(w, mm + MM.mm_users, exists)
}

/** Where a frame's content begins: one word for each thread, so that who wrote what is known exactly. */
export const DATA_AT = FRAME.index + 1
