/** Reverse mapping: every entry that maps a page is found, whatever became of its VMA; and who comes too late finds out. */
import t from 'tap'
import { ANON_VMA, FRAME, PTE_ACCESSED, VMA } from '../lib/mm/layout.ts'
import { pageReferenced, rmapWalk, sampleReferences } from '../lib/mm/rmap/rmap.ts'
import { lockRmap, unlockRmap } from '../lib/mm/rmap/rmap-locks.ts'
import { Machine, PRIVATE, violationOf } from './helpers/memory.ts'
import { within } from './helpers/windows.ts'

/** Object 1 is shared memory, object 2 a file. */
const FILE = { write: true, object: 2, offset: 0 }

const machine = (homes: readonly number[] = []) => new Machine('vma-lock', { objects: [8], files: [16] }, homes)

/** Where a page is mapped, as `mm:vpn`. */
function mappings(m: Machine, frame: number): string[] {
  const found: string[] = []
  m.on(0, ({ k }) => rmapWalk(k, frame, (mm, _vma, vpn) => found.push(`${mm.tag - 1}:${vpn}`)))
  return found.sort()
}

t.test('a page of a file is found in every mapping of it, private ones too', async t => {
  const m = machine([0, 1])
  m.on(0, task => {
    task.mmap(0, 8, 16, FILE)
    task.mmap(0, 24, 28, { ...FILE, offset: 1, shared: false })
    task.mmap(1, 40, 44, { ...FILE, offset: 2 })
  })
  m.write(0, 10, 5)
  m.read(0, 25)
  m.read(1, 40)
  const frame = m.frameOf(0, 10)
  t.same(mappings(m, frame), ['0:10', '0:25', '1:40'])
  m.write(0, 25, 7)
  t.same(mappings(m, frame), ['0:10', '1:40'], 'the copy is another page')
  t.same(mappings(m, m.frameOf(0, 25)), ['0:25'], 'and is found through its anon_vma')
  m.endAndAudit()
})

t.test('pages are found after their VMA was split, merged, or had its border moved', async t => {
  for (const shared of [true, false]) {
    const m = machine()
    m.on(0, task => task.mmap(0, 8, 16, { ...FILE, shared }))
    for (let vpn = 8; vpn < 16; vpn++) m.write(0, vpn, vpn)
    const all = () => Array.from({ length: 8 }, (_, n) => mappings(m, m.frameOf(0, 8 + n)))
    const expected = Array.from({ length: 8 }, (_, n) => [`0:${8 + n}`])
    for (const [from, to, write] of [
      [10, 12, false],
      [12, 13, false],
      [12, 13, true],
      [9, 10, false],
      [8, 16, true],
    ] as const) {
      m.on(0, task => task.mprotect(0, from, to, write))
      t.same(all(), expected, `${shared ? 'shared' : 'private'}: after ${from} to ${to}`)
    }
    t.same(m.borders(), [[8, 16]])
    m.endAndAudit()
  }
})

t.test('a private page that two address spaces share after fork is found in both', async t => {
  const m = new Machine('vma-lock', { mms: 2, firstMms: 1, objects: [8], files: [16] })
  m.on(0, task => task.mmap(0, 8, 16, PRIVATE))
  m.write(0, 9, 5)
  const frame = m.frameOf(0, 9)
  const child = m.on(0, task => task.fork())
  t.same(mappings(m, frame), ['0:9', `${child}:9`])
  m.write(0, 9, 6)
  t.same(mappings(m, frame), [`${child}:9`])
  t.same(mappings(m, m.frameOf(0, 9)), ['0:9'])
  m.on(0, task => task.exit(child))
  m.endAndAudit()
})

t.test('asking whether a page was used takes its accessed bits away', async t => {
  const m = machine()
  m.on(0, task => task.mmap(0, 8, 16, PRIVATE))
  m.write(0, 9, 5)
  const frame = m.frameOf(0, 9)
  m.on(0, ({ k }) => {
    t.equal(pageReferenced(k, frame), 1)
    t.equal(m.pte(0, 9) & PTE_ACCESSED, 0)
    t.equal(sampleReferences(k, frame), 0, 'not since')
    k.tlb.flush()
  })
  m.read(0, 9)
  m.on(0, ({ k }) => t.equal(sampleReferences(k, frame), 1))
  m.on(0, task => task.munmap(0, 8, 16))
  m.on(0, ({ k }) => t.equal(sampleReferences(k, frame), -1, 'a free frame is nobody’s'))
  m.endAndAudit()
})

t.test('a page unmapped between the look at its anon_vma and the lock is let go of', async t => {
  const m = machine()
  m.on(0, task => task.mmap(0, 8, 16, PRIVATE))
  m.write(0, 9, 5)
  const frame = m.frameOf(0, 9)
  const unmap = () => m.intrude(1, task => task.munmap(0, 8, 16))
  // The anon_vma is freed in the window: its lock is memory of an anon_vma all the same.
  const seen = within('rmap/mapping-read', unmap, () => m.on(0, ({ k }) => sampleReferences(k, frame)))
  t.equal(seen, -1)
  t.equal(m.frame(frame, 'refcount'), 0, 'the walker’s reference was the last')
  m.endAndAudit()
})

t.test('a walker that finds the lock taken waits with a reference', async t => {
  const m = machine()
  m.on(0, task => task.mmap(0, 8, 16, PRIVATE))
  m.write(0, 9, 5)
  const [vma] = m.vmas()
  const anonVma = Atomics.load(m.w, vma + VMA.anon_vma)
  m.intrude(1, ({ k }) => lockRmap(k, vma))
  const unlock = () => m.intrude(1, ({ k }) => unlockRmap(k, vma))
  t.equal(
    within('rmap/lock-contended', unlock, () => m.on(0, ({ k }) => sampleReferences(k, m.frameOf(0, 9)))),
    1,
  )
  t.equal(Atomics.load(m.w, anonVma + ANON_VMA.refcount), 1)
  m.endAndAudit()
})

t.test('GEN: a mapped page that names a freed anon_vma', async t => {
  const m = machine()
  m.on(0, task => {
    task.mmap(0, 8, 16, PRIVATE)
    task.mmap(0, 24, 32, PRIVATE)
  })
  m.write(0, 9, 5)
  m.write(0, 25, 5)
  const at = m.k.frames.at(m.frameOf(0, 9))
  const dead = Atomics.load(m.w, m.k.frames.at(m.frameOf(0, 25)) + FRAME.mapping)
  m.on(0, task => task.munmap(0, 24, 32))
  Atomics.store(m.w, at + FRAME.mapping, dead)
  const violation = violationOf(() => m.on(0, ({ k }) => sampleReferences(k, m.frameOf(0, 9))))
  t.equal(violation?.oracle, 'GEN')
  t.match(violation?.message, /names anon_vma \d+, which was freed/)
})
