/** The bundles of pages that are moved: how many there are, what is done with them, where they lie. */
import type { FileStamps } from '../../lib/check/file-stamps.ts'
import type { MovingStamps } from '../../lib/check/moving-stamps.ts'
import type { Stamps } from '../../lib/check/stamps.ts'
import type { MemoryImage } from '../../lib/mm/memory.ts'
import { POLICIES } from '../../lib/mm/policy/policy.ts'
import type { Task } from '../../lib/mm/task.ts'
import type { ParamValues, Random, RunContext } from '../../torture/scenario.ts'

export const specs = {
  policy: { default: 'vma-lock', choices: [...POLICIES], describe: 'how faults are kept out of the way' },
  private: { default: 2, min: 0, max: 32, describe: 'bundles of private pages' },
  file: { default: 1, min: 0, max: 32, describe: 'bundles of shared pages of a file' },
  loose: { default: 1, min: 0, max: 32, describe: 'bundles that leave VMAs behind' },
  'bundle-pages': { default: 12, min: 2, max: 512, describe: 'pages of a bundle' },
  places: { default: 3, min: 2, max: 8, describe: 'places that a bundle has' },
  shift: {
    default: 3,
    min: 0,
    max: 7,
    describe: 'pages by which every second place lies off the borders of tables: off them no table moves as a whole',
  },
  burst: { default: 12, min: 1, max: 1000, describe: 'accesses between two other operations' },
  writes: { default: 50, min: 0, max: 100, describe: 'share of the accesses that write, in percent' },
  heap: { default: 16, min: 0, max: 512, describe: 'pages that the heap has at most' },
  move: { default: 8, min: 0, max: 1000, describe: 'weight of mremap to another place' },
  pieces: { default: 33, min: 0, max: 100, describe: 'operations that concern a piece of a bundle only, in percent' },
  keep: {
    default: 50,
    min: 0,
    max: 100,
    describe: 'moves of file and loose bundles that leave the old VMA behind, in percent',
  },
  drop: { default: 2, min: 0, max: 1000, describe: 'weight of madvise(DONTNEED)' },
  remap: { default: 1, min: 0, max: 1000, describe: 'weight of munmap and mmap' },
  resize: { default: 2, min: 0, max: 1000, describe: 'weight of shrinking and growing again' },
  protect: { default: 1, min: 0, max: 1000, describe: 'weight of mprotect' },
  brk: { default: 2, min: 0, max: 1000, describe: 'weight of moving the end of the heap' },
  wander: { default: 2, min: 0, max: 1000, describe: 'weight of growing to wherever there is room' },
  shrink: {
    default: 20,
    min: 0,
    max: 100,
    describe: 'bursts after which the file loses pages from the cache, in percent',
  },
  'shrink-pages': { default: 8, min: 1, max: 256, describe: 'pages that a shrinker looks at, at most' },
  kswapd: { default: 50, min: 0, max: 100, describe: 'shrinkers that are in another address space, in percent' },
  batched: { default: 50, min: 0, max: 100, describe: 'shrinkers that put flushes off, in percent' },
  abroad: { default: 50, min: 0, max: 100, describe: 'operations on address space 0 from the other one, in percent' },
  failures: { default: 10, min: 0, max: 100, describe: 'operations in which allocations fail, in percent' },
  use: {
    default: 50,
    min: 0,
    max: 100,
    describe: 'operations after which a moving thread accesses memory itself, in percent',
  },
  levels: { default: 3, min: 2, max: 5, describe: 'levels of the page tables' },
  pte: { default: 'word', choices: ['word', 'pae'], describe: 'page table entries of one word, or of two' },
  vmas: {
    default: 64,
    min: 16,
    max: 4096,
    describe: 'VMAs in the slab: few make recycling prompt, and some operations fail',
  },
} as const

export type Params = ParamValues<typeof specs>

export interface Shared {
  readonly memory: MemoryImage
  /** Of the numbered pages of all bundles. */
  readonly drops: Int32Array
  readonly threads: Readonly<Record<string, number>>
}

export interface Local {
  readonly task: Task
  readonly stamps: MovingStamps
  readonly fileStamps: FileStamps
  readonly heapStamps: Stamps
  /** Number of the place at which it last found each page. */
  readonly found: Int32Array
  readonly random: Random
}

export type Context = RunContext<Shared, typeof specs, Local>

/** The file's number + 1: there are no other objects. */
export const FILE = 1
/** log2 of the entries of a page table, at least. */
export const TABLE_BITS = 3
const TABLE_PAGES = 1 << TABLE_BITS

export const PRIVATE_KIND = 0
export const FILE_KIND = 1

export interface Bundle {
  /** PRIVATE_KIND, FILE_KIND, or else loose. */
  readonly kind: number
  /** The number of its first page. */
  readonly first: number
  /** First page of each of its places. */
  readonly places: readonly number[]
}

/** What lies where; the same for all threads. */
export function bundlesOf(params: Params): readonly Bundle[] {
  const { private: privates, file, loose, places, shift } = params
  const pages = params['bundle-pages']
  // Places begin where tables do, most of them, and are apart by a table at least.
  const stride = Math.ceil((pages + TABLE_PAGES) / TABLE_PAGES) * TABLE_PAGES
  const kinds = [privates, file, loose].flatMap((count, kind) => Array<number>(count).fill(kind))
  return kinds.map((kind, n) => ({
    kind,
    first: n * pages,
    places: Array.from(
      { length: places },
      (_, p) => TABLE_PAGES + (n * places + p) * stride + (p % 2 === 1 ? shift : 0),
    ),
  }))
}

/** First page of the heap, behind all places. */
export function heapStart(params: Params): number {
  const last = bundlesOf(params).flatMap(({ places }) => places)
  return Math.max(128, ...last) + 2 * params['bundle-pages'] + TABLE_PAGES
}

/** Page of the file at which a bundle begins. */
export function fileOffset(bundle: Bundle, params: Params): number {
  return bundle.first - params.private * params['bundle-pages']
}
