/**
 * The cells of the memory model, by the kernel's names. Addresses are virtual page numbers (vpn), lengths are pages.
 */
import { struct } from '../shm/layout.ts'

/** One address space. Read mostly: what every fault writes lies elsewhere. */
export const MM = struct('mm', {
  mm_lock_seq: 'seqcount: odd while mmap_lock is held for write; under older generations of VMA locks always even',
  pgd: 'word of the top page table',
  mm_mt: 'word of the current node of the VMA store',
  ma_lock: 'spinlock: serialises the writers of the store, where mmap_lock does not',
  map_count: 'VMAs in the store, and those that are about to be put there',
  page_table_lock: 'spinlock: serialises the publication of page tables and of anon_vmas',
  vma_writer_wait: 'id + 1 of the CPU that waits for readers of a VMA to leave; 0: none',
  mm_count: 'references that keep this struct, the users counted as one; 0: free',
  mm_users: 'threads and others that use the address space; the last one takes it down',
  write_protect_seq: 'seqcount: odd while fork write-protects entries of this address space',
  life: 'how many times the struct was taken into use',
  flags: 'MMF_OOM_SKIP | MMF_UNSTABLE',
  start_brk: 'first page of the heap; 0 with brk 0: there is none',
  brk: 'first page behind the heap',
})

/** The OOM reaper has nothing to do here any more: it has been here, or the mappings are being taken down. */
export const MMF_OOM_SKIP = 1
/** The OOM reaper takes pages away: one that is gone must not come back as zeros. */
export const MMF_UNSTABLE = 2

/** What mappers write and every page walk reads: apart from `MM`, on lines of its own. */
export const MM_TLB = struct('mm_tlb', {
  tlb_gen: 'time: a tick for each operation that revokes translations, and for each flush that leaves lazy CPUs out',
  tlb_flush_pending: 'operations that have cleared entries and not yet flushed them',
  cpumask: 'bit n: CPU n may hold translations of this address space',
  lazy_mask: 'bit n: CPU n does not use them at present, and looks at tlb_gen before it does',
  tlb_flush_batched: 'entries that reclaim has cleared and left to be flushed later, so far',
  tlb_flush_batch_done: 'as many of them as somebody who could not wait has flushed',
})

/** What a CPU wants flushed and who wants something of it. */
export const FLUSH = struct('flush', {
  asked_by: 'bit n: CPU n wants this CPU to flush the pages that CPU n says',
  start: 'first page that this CPU wants others to flush',
  end: 'first page behind them',
})

/** Present pages of one address space as one CPU counted them; the sum over CPUs is the resident set. */
export const RSS = struct('rss', {
  anon: 'pages of anonymous memory, zero page excluded; modulo 2^32',
  shmem: 'pages of shared objects; modulo 2^32',
})

/** What the oracles know of one page of one address space. */
export const PAGE_LOG = struct('page_log', {
  zap_begun: 'operations that began to drop this page',
  zap_ended: 'operations that have dropped it: what it held before must not be seen again',
  revoked: 'tlb_gen of the latest finished operation that dropped the page: translations read earlier are dead',
  write_revoked: 'the same of operations that took away the right to write',
})

/** The first three cells survive the object: a late reader under RCU may touch them. */
export const VMA = struct('vma', {
  vm_refcnt: '0 detached, 1 attached; of Linux 6.15 also +1 a reader, +VMA_LOCK_OFFSET a writer that waits or locks',
  vm_lock_seq: 'mm_lock_seq at which the VMA was last locked for write',
  vm_mm: 'number + 1 of the address space; 0: none',
  vm_start: 'first page',
  vm_end: 'first page behind it',
  vm_flags: 'VM_READ | VM_WRITE | VM_SHARED | VM_GROWSDOWN',
  vm_pgoff: 'page of the object that lies at vm_start; for private memory vm_start as it was at mmap',
  anon_vma: 'word of the anon_vma that new pages of this VMA get; 0: none was ever faulted in',
  anon_vma_chain: 'word of the first link to an anon_vma whose pages this VMA may map; 0: none',
  object: 'number + 1 of the object that is mapped; 0: private anonymous memory',
  i_mmap_next: 'word of the next VMA that maps the same object; 0: none',
  i_mmap_pprev: 'word of the cell that names this VMA in the list of its object; 0: it is not in it',
  committed: 'checksum of start, end and flags, written last: what a fault may see',
})
/** Words of a VMA that freeing does not poison. */
export const VMA_KEPT_WORDS = VMA.vm_start

export const VM_READ = 1
export const VM_WRITE = 2
export const VM_SHARED = 4
/** A stack: grows downwards when a page below it is touched. */
export const VM_GROWSDOWN = 8

/** Through it a page finds the VMAs that may map it. The first cells survive the object: the slab is type-safe by RCU. */
export const ANON_VMA = struct('anon_vma', {
  lock: 'spinlock of all anon_vmas of one family, in use in its root only',
  root: 'word of the first ancestor; itself in the root',
  refcount: 'references: its own, its children that look for their root, and walkers',
  parent: 'word of the anon_vma of the VMA that this one was forked from; itself in the root',
  num_children: 'anon_vmas whose parent this is, the root its own child',
  num_active_vmas: 'VMAs whose anon_vma this is',
  chain: 'word of the first link to a VMA; 0: none',
})
/** Words of an anon_vma that freeing does not poison. */
export const ANON_VMA_KEPT_WORDS = ANON_VMA.parent

/** A link between a VMA and an anon_vma: each may have many of the others. */
export const AVC = struct('anon_vma_chain', {
  vma: 'word of the VMA',
  anon_vma: 'word of the anon_vma',
  next_of_vma: 'word of the next link of the same VMA; 0: none',
  next: 'word of the next link of the same anon_vma; 0: none',
})

/** An immutable node of the VMA store: sorted ranges. Replaced as a whole, freed after a grace period. */
export const VMA_NODE = struct('vma_node', {
  serial: 'twice the number of this use of the node; odd: dead, a newer node was published',
  count: 'ranges in use',
})
/** Words a range takes in a node: start, end, vma. */
export const RANGE_WORDS = 3

export const FRAME = struct('frame', {
  refcount: 'references; 0: free',
  mapcount: 'page table entries that map it',
  flags: 'PG_locked | PG_dirty | PG_referenced | PG_anon_exclusive',
  gen: 'generation: +1 whenever the frame is freed',
  mapping: 'whose page it is: word of an anon_vma, or minus the number + 1 of an object; 0: nobody knows yet',
  index: 'page within the object, or vm_pgoff of private memory',
})
/** The frame that every untouched page of private memory reads from. */
export const ZERO_FRAME = 0

export const PG_LOCKED = 1
export const PG_DIRTY = 2
export const PG_REFERENCED = 4
/** Private memory that one address space alone maps, and may write to without a copy. */
export const PG_ANON_EXCLUSIVE = 8
/** Its content is on its way to the disk. */
export const PG_WRITEBACK = 16

/** Free frames of one CPU, touched by nobody else. */
export const PCP = struct('pcp', {
  count: 'free frames in this list',
})
/** Pages that wait to be put on the lists of reclaim, a reference of each held meanwhile. One for each CPU, its own. */
export const LRU_BATCH = struct('lru_batch', {
  count: 'pages in it',
})
export const BUDDY = struct('buddy', {
  lock: 'spinlock of the shared allocator',
  count: 'free frames in the shared list, a stack behind this cell',
})

/** A page table of any level; leaf tables hold page table entries, the others words of tables. */
export const TABLE = struct('table', {
  ptl: 'spinlock of the entries (leaf tables)',
})
/** Where a table's entries begin. */
export const ENTRIES_AT = TABLE.ptl + 1

/** A page table entry: frame number above, bits below; 0: none. */
export const PTE_PRESENT = 1
export const PTE_WRITE = 2
export const PTE_ACCESSED = 4
export const PTE_DIRTY = 8
export const PTE_FRAME_SHIFT = 8

/** What can be mapped besides private memory: files, and shared memory that has no disk. A slot for each page follows. */
export const OBJECT = struct('object', {
  i_mmap_lock: 'spinlock of the list of VMAs, and of the borders of each VMA in it',
  i_mmap: 'word of the first VMA that maps the object; 0: none',
  hand: 'page at which the next shrinker begins',
  size: 'pages; behind it each page: 0 or the frame number',
})

/** What the disk holds of a page of a file: as many words as a frame. */
export const DISK = struct('disk', {
  writes: 'how many times the page was written',
})
export const DISK_DATA_AT = DISK.writes + 1
