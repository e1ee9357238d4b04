/**
 * The conservation audit: with all threads gone, everything that was counted is counted again from the ground. Frames
 * against the entries that map them, resident sets against page tables, VMAs against the store, locks against nobody.
 */
import {
  BUDDY,
  ENTRIES_AT,
  FRAME,
  LRU_BATCH,
  MM,
  MM_TLB,
  PAGE_LOG,
  PCP,
  PG_LOCKED,
  PTE_DIRTY,
  PTE_FRAME_SHIFT,
  PTE_PRESENT,
  PTE_WRITE,
  RANGE_WORDS,
  RSS,
  TABLE,
  VM_SHARED,
  VM_WRITE,
  VMA,
  VMA_NODE,
  ZERO_FRAME,
} from '../mm/layout.ts'
import { DATA_AT, type MemoryImage } from '../mm/memory.ts'
import { readPae } from '../mm/table/pte.ts'
import { checksum } from '../mm/vma/vma.ts'
import { objectAt } from '../shm/arena.ts'
import { Slab, type SlabImage } from '../shm/slab.ts'
import { heldRanges } from '../sync/range-lock.ts'
import { RWSEM } from '../sync/rwsem.ts'
import { AnonAudit } from './audit-anon.ts'
import { ObjectAudit } from './audit-objects.ts'
import { violated } from './oracle.ts'

interface Tally {
  /** Entries that map each frame, and whether one of them is dirty. */
  readonly mappings: Int32Array
  readonly dirty: Uint8Array
  /** References besides entries: the objects'. */
  readonly references: Int32Array
  tables: number
  vmas: number
  readonly anon: AnonAudit
  readonly objects: ObjectAudit
}

/** Throws an OracleViolation if anything does not add up. To be called at quiescence only. */
export function audit(m: MemoryImage): void {
  const tally: Tally = {
    mappings: new Int32Array(m.options.frames),
    dirty: new Uint8Array(m.options.frames),
    references: new Int32Array(m.options.frames),
    tables: 0,
    vmas: 0,
    anon: new AnonAudit(m),
    objects: new ObjectAudit(m),
  }
  for (let id = 0; id < m.options.mms; id++) auditMm(m, id, tally)
  tally.objects.finish(
    frame => tally.dirty[frame] === 1,
    frame => tally.references[frame]++,
  )
  auditFrames(m, tally)
  auditFreeLists(m)
  const { anonVmas, links } = tally.anon.finish()
  auditSlab(m, m.tables, tally.tables, 'table')
  auditSlab(m, m.vmas, tally.vmas, 'vma')
  auditSlab(m, m.nodes, m.options.mms, 'vma_node')
  auditSlab(m, m.anonVmas, anonVmas, 'anon_vma')
  auditSlab(m, m.avcs, links, 'anon_vma_chain')
}

function auditMm(m: MemoryImage, id: number, tally: Tally): void {
  const w = m.arena.words
  const mm = objectAt(m.mms, id)
  const ranges = readStore(m, id)
  for (const range of ranges) auditVma(m, id, range, tally)
  expect('VMA', `mm[${id}].map_count`, Atomics.load(w, mm + MM.map_count), ranges.length)
  expect('CNT', `mmap_lock[${id}].count`, Atomics.load(w, objectAt(m.mmapLocks, id) + RWSEM.count), 0)
  expect('CNT', `ranges of mm[${id}] that are locked`, heldRanges(w, m.rangeLocks, id), 0)
  expect('CNT', `mm[${id}].mm_lock_seq modulo 2`, Atomics.load(w, mm + MM.mm_lock_seq) & 1, 0)
  expect('CNT', `mm[${id}].page_table_lock`, Atomics.load(w, mm + MM.page_table_lock), 0)
  expect('HANG', `mm[${id}].vma_writer_wait`, Atomics.load(w, mm + MM.vma_writer_wait), 0)
  const exists = Atomics.load(w, mm + MM.mm_users) === 0 ? 0 : 1
  expect('REF', `mm[${id}].mm_count`, Atomics.load(w, mm + MM.mm_count), exists)
  expect('REF', `mm[${id}].mm_users`, Atomics.load(w, mm + MM.mm_users), exists)
  expect('CNT', `mm[${id}].write_protect_seq modulo 2`, Atomics.load(w, mm + MM.write_protect_seq) & 1, 0)
  if (exists === 0) expect('VMA', `VMAs of mm ${id}, which is gone`, ranges.length, 0)
  const tlb = objectAt(m.mmTlbs, id)
  expect('TLB', `mm_tlb[${id}].tlb_flush_pending`, Atomics.load(w, tlb + MM_TLB.tlb_flush_pending), 0)
  expect('TLB', `mm_tlb[${id}].cpumask`, Atomics.load(w, tlb + MM_TLB.cpumask), 0)
  expect('TLB', `mm_tlb[${id}].lazy_mask`, Atomics.load(w, tlb + MM_TLB.lazy_mask), 0)
  for (let vpn = 0; vpn < m.options.pages; vpn++) {
    const log = objectAt(m.pageLog, id * m.options.pages + vpn)
    const begun = Atomics.load(w, log + PAGE_LOG.zap_begun)
    expect('CNT', `drops of page ${vpn} ended`, Atomics.load(w, log + PAGE_LOG.zap_ended), begun)
  }
  const rss = { anon: 0, shmem: 0 }
  walk(m, Atomics.load(w, mm + MM.pgd), m.options.levels - 1, 0, tally, (vpn, pte) =>
    auditEntry(m, id, ranges, vpn, pte, tally, rss),
  )
  let anon = 0
  let shmem = 0
  for (let cpu = 0; cpu < m.options.cpus; cpu++) {
    const cells = objectAt(m.rss, id * m.options.cpus + cpu)
    anon = (anon + Atomics.load(w, cells + RSS.anon)) | 0
    shmem = (shmem + Atomics.load(w, cells + RSS.shmem)) | 0
  }
  expect('REF', `resident anonymous pages of mm ${id}`, anon, rss.anon)
  expect('REF', `resident shared pages of mm ${id}`, shmem, rss.shmem)
}

interface Range {
  readonly start: number
  readonly end: number
  readonly vma: number
}

function readStore(m: MemoryImage, id: number): Range[] {
  const w = m.arena.words
  const node = Atomics.load(w, objectAt(m.mms, id) + MM.mm_mt)
  expect('GEN', `dead mark of the current VMA node of mm ${id}`, Atomics.load(w, node + VMA_NODE.serial) & 1, 0)
  return Array.from({ length: Atomics.load(w, node + VMA_NODE.count) }, (_, n) => {
    const at = node + VMA_NODE.count + 1 + n * RANGE_WORDS
    return { start: Atomics.load(w, at), end: Atomics.load(w, at + 1), vma: Atomics.load(w, at + 2) }
  })
}

function auditVma(m: MemoryImage, id: number, { start, end, vma }: Range, tally: Tally): void {
  const w = m.arena.words
  const what = `the VMA at [${start}, ${end}) of mm ${id}`
  const cell = (field: number) => Atomics.load(w, vma + field)
  expect('VMA', `vm_start of ${what}`, cell(VMA.vm_start), start)
  expect('VMA', `vm_end of ${what}`, cell(VMA.vm_end), end)
  expect('VMA', `vm_mm of ${what}`, cell(VMA.vm_mm), id + 1)
  expect('VMA', `checksum of ${what}`, cell(VMA.committed), checksum(start, end, cell(VMA.vm_flags)))
  expect('CNT', `vm_refcnt of ${what}`, cell(VMA.vm_refcnt), 1)
  tally.vmas++
  tally.anon.addVma(vma, what)
  tally.objects.addVma(vma)
}

function walk(
  m: MemoryImage,
  table: number,
  level: number,
  base: number,
  tally: Tally,
  visit: (vpn: number, pte: number) => void,
): void {
  const w = m.arena.words
  if (!new Slab(w, m.tables).isLive(table)) violated('PT', `the table for page ${base} was freed and is still linked`)
  tally.tables++
  expect('CNT', `lock of the table for page ${base}`, Atomics.load(w, table + TABLE.ptl), 0)
  const pae = level === 0 && m.options.pte === 'pae'
  for (let n = 0; n < 1 << m.options.tableBits; n++) {
    const entry = pae ? readPae(w, table + ENTRIES_AT + 2 * n) : Atomics.load(w, table + ENTRIES_AT + n)
    if (entry === 0) continue
    const vpn = base + n * 2 ** (level * m.options.tableBits)
    if (level > 0) walk(m, entry, level - 1, vpn, tally, visit)
    else visit(vpn, entry)
  }
}

function auditEntry(
  m: MemoryImage,
  id: number,
  ranges: readonly Range[],
  vpn: number,
  pte: number,
  tally: Tally,
  rss: { anon: number; shmem: number },
): void {
  const w = m.arena.words
  const range = ranges.find(r => vpn >= r.start && vpn < r.end)
  if (!(pte & PTE_PRESENT)) violated('PT', `page ${vpn} of mm ${id} has a damaged entry: ${pte.toString(16)}`)
  if (!range) violated('PT', `page ${vpn} of mm ${id} has an entry although no VMA holds it: ${pte.toString(16)}`)
  const frame = pte >>> PTE_FRAME_SHIFT
  if (pte & PTE_WRITE && !(Atomics.load(w, range.vma + VMA.vm_flags) & VM_WRITE))
    violated('VMA', `page ${vpn} of mm ${id} may be written although its VMA is read-only`)
  if (frame === ZERO_FRAME) {
    if (pte & PTE_WRITE) violated('DATA', `page ${vpn} of mm ${id} may write to the zero page`)
    return
  }
  tally.mappings[frame]++
  if (pte & PTE_DIRTY) tally.dirty[frame] = 1
  const mapping = Atomics.load(w, objectAt(m.frames, frame) + FRAME.mapping)
  if (mapping > 0) {
    tally.anon.addPage(range.vma, mapping, `page ${vpn} of mm ${id}`)
    rss.anon++
  } else {
    if (mapping === 0) violated('GEN', `page ${vpn} of mm ${id} names nobody: no way leads from it to who maps it`)
    expect('REF', `object of page ${vpn} of mm ${id}`, -mapping, Atomics.load(w, range.vma + VMA.object))
    if (pte & PTE_WRITE && !(Atomics.load(w, range.vma + VMA.vm_flags) & VM_SHARED))
      violated('DATA', `page ${vpn} of mm ${id} is private and may write to the page of an object`)
    rss.shmem++
  }
}

function auditFrames(m: MemoryImage, tally: Tally): void {
  const w = m.arena.words
  for (let frame = 1; frame < m.options.frames; frame++) {
    const at = objectAt(m.frames, frame)
    expect('REF', `frame[${frame}].mapcount`, Atomics.load(w, at + FRAME.mapcount), tally.mappings[frame])
    const references = tally.mappings[frame] + tally.references[frame]
    const counted = Atomics.load(w, at + FRAME.refcount) >>> (32 - m.options.refcountBits)
    expect('REF', `frame[${frame}].refcount`, counted, references)
    const flags = Atomics.load(w, at + FRAME.flags)
    expect('CNT', `frame[${frame}].flags & PG_locked`, flags & PG_LOCKED, 0)
  }
  for (let word = 0; word < m.options.cpus; word++)
    expect('DATA', `word ${word} of the zero page`, Atomics.load(w, objectAt(m.frames, ZERO_FRAME) + DATA_AT + word), 0)
}

function auditFreeLists(m: MemoryImage): void {
  const w = m.arena.words
  const seen = new Uint8Array(m.options.frames)
  const visit = (frame: number) => {
    if (seen[frame]) violated('REF', `frame ${frame} is in two free lists`)
    seen[frame] = 1
    expect('REF', `refcount of the free frame ${frame}`, Atomics.load(w, objectAt(m.frames, frame) + FRAME.refcount), 0)
  }
  for (let cpu = 0; cpu < m.options.cpus; cpu++) {
    eachListed(w, objectAt(m.pcps, cpu) + PCP.count, visit)
    expect('REF', `lru_batch[${cpu}].count`, Atomics.load(w, objectAt(m.lruBatches, cpu) + LRU_BATCH.count), 0)
  }
  eachListed(w, m.buddy.base + BUDDY.count, visit)
  for (let frame = 1; frame < m.options.frames; frame++)
    if (Atomics.load(w, objectAt(m.frames, frame) + FRAME.refcount) === 0 && !seen[frame])
      violated('REF', `frame ${frame} is lost: nobody refers to it and no free list holds it`)
}

function eachListed(w: Int32Array, count: number, visit: (frame: number) => void): void {
  for (let n = 1; n <= Atomics.load(w, count); n++) visit(Atomics.load(w, count + n))
}

function auditSlab(m: MemoryImage, slab: SlabImage, expected: number, name: string): void {
  expect('REF', `live objects of the slab ${name}`, new Slab(m.arena.words, slab).live(), expected)
}

function expect(oracle: string, what: string, is: number, should: number): void {
  if (is !== should) violated(oracle, `${what} is ${is}, and should be ${should}`)
}
