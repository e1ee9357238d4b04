/** An address space as one thread sees it: the words of its cells, worked out once. */
import { objectAt } from '../shm/arena.ts'
import type { Cpu } from '../shm/cpu.ts'
import { Rwsem } from '../sync/rwsem.ts'
import { MM, MM_TLB, PAGE_LOG, RSS } from './layout.ts'
import type { MemoryImage } from './memory.ts'

/** One address space as one thread sees it: words of its cells. */
export class Mm {
  /** Number + 1, as `vma.vm_mm` holds it. */
  readonly tag: number
  readonly pages: number
  readonly seq: number
  /** The top table: never replaced while the address space lives. */
  readonly pgd: number
  readonly root: number
  readonly storeLock: number
  readonly mapCount: number
  readonly pageTableLock: number
  readonly writerWait: number
  readonly count: number
  readonly users: number
  readonly life: number
  readonly flags: number
  readonly writeProtectSeq: number
  readonly startBrk: number
  readonly brk: number
  readonly gen: number
  readonly flushPending: number
  readonly cpumask: number
  readonly lazyMask: number
  readonly flushBatched: number
  readonly flushBatchDone: number
  readonly pageLog: number
  readonly rssAnon: number
  readonly rssShmem: number
  readonly lock: Rwsem

  constructor(image: MemoryImage, cpu: Cpu, id: number) {
    const mm = objectAt(image.mms, id)
    const tlb = objectAt(image.mmTlbs, id)
    this.tag = id + 1
    this.pages = image.options.pages
    this.seq = mm + MM.mm_lock_seq
    this.pgd = Atomics.load(cpu.w, mm + MM.pgd)
    this.root = mm + MM.mm_mt
    this.storeLock = mm + MM.ma_lock
    this.mapCount = mm + MM.map_count
    this.pageTableLock = mm + MM.page_table_lock
    this.writerWait = mm + MM.vma_writer_wait
    this.count = mm + MM.mm_count
    this.users = mm + MM.mm_users
    this.life = mm + MM.life
    this.flags = mm + MM.flags
    this.writeProtectSeq = mm + MM.write_protect_seq
    this.startBrk = mm + MM.start_brk
    this.brk = mm + MM.brk
    this.gen = tlb + MM_TLB.tlb_gen
    this.flushPending = tlb + MM_TLB.tlb_flush_pending
    this.cpumask = tlb + MM_TLB.cpumask
    this.lazyMask = tlb + MM_TLB.lazy_mask
    this.flushBatched = tlb + MM_TLB.tlb_flush_batched
    this.flushBatchDone = tlb + MM_TLB.tlb_flush_batch_done
    this.pageLog = objectAt(image.pageLog, id * image.options.pages)
    const rss = objectAt(image.rss, id * image.options.cpus + cpu.id)
    this.rssAnon = rss + RSS.anon
    this.rssShmem = rss + RSS.shmem
    this.lock = new Rwsem(cpu, image.waiters, objectAt(image.mmapLocks, id))
  }

  /** Word of a cell of the page log. */
  log(vpn: number, field: number): number {
    return this.pageLog + vpn * PAGE_LOG_WORDS + field
  }
}

const PAGE_LOG_WORDS = Object.keys(PAGE_LOG).length
