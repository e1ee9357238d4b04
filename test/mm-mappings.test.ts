/** What the system calls and the faults of the memory model do, one after the other, under each policy. */
import t from 'tap'
import { DONE, EINVAL } from '../lib/mm/call/mmap.ts'
import { FAULT_SEGV } from '../lib/mm/fault/fault-codes.ts'
import { PG_DIRTY, PTE_DIRTY, PTE_WRITE, VMA, ZERO_FRAME } from '../lib/mm/layout.ts'
import { POLICIES } from '../lib/mm/policy/policy.ts'
import { Machine, PRIVATE, READ_ONLY, SHARED } from './helpers/memory.ts'

for (const policy of POLICIES) {
  t.test(policy, async t => {
    t.test('an untouched page reads from the zero page and costs no frame', async t => {
      const m = new Machine(policy)
      m.on(0, task => t.equal(task.mmap(0, 8, 16, PRIVATE), DONE))
      const free = m.freeFrames()
      t.equal(m.read(0, 9), 0)
      t.equal(m.frameOf(0, 9), ZERO_FRAME)
      t.equal(m.pte(0, 9) & PTE_WRITE, 0)
      t.equal(m.pte(0, 10), 0, 'the next page was not touched')
      t.equal(m.freeFrames(), free)
      m.endAndAudit()
    })

    t.test('a page that is written to gets a frame of its own', async t => {
      const m = new Machine(policy)
      m.on(0, task => task.mmap(0, 8, 16, PRIVATE))
      const free = m.freeFrames()
      t.equal(m.write(0, 9, 5), 0)
      t.equal(m.write(1, 9, 6), 0)
      t.equal(m.freeFrames(), free - 1)
      t.equal(m.frame(m.frameOf(0, 9), 'mapcount'), 1)
      t.equal(m.frame(m.frameOf(0, 9), 'refcount'), 1)
      t.equal(m.pte(0, 9) & PTE_DIRTY, PTE_DIRTY)
      t.same([m.read(1, 9, 0), m.read(0, 9, 1)], [5, 6], 'each CPU sees what the other wrote')
      m.endAndAudit()
    })

    t.test('a write after a read replaces the zero page for everybody', async t => {
      const m = new Machine(policy)
      m.on(0, task => task.mmap(0, 8, 16, PRIVATE))
      t.same([m.read(0, 9), m.read(1, 9), m.read(0, 10)], [0, 0, 0])
      t.equal(m.write(1, 9, 7), 0)
      t.not(m.frameOf(0, 9), ZERO_FRAME)
      t.equal(m.read(0, 9, 1), 7)
      t.equal(m.read(0, 10, 1), 0, 'the zero page itself is as it was')
      m.endAndAudit()
    })

    t.test('nothing is mapped until it is mapped, and only for what it was mapped', async t => {
      const m = new Machine(policy)
      t.equal(m.read(0, 9), -FAULT_SEGV)
      m.on(0, task => task.mmap(0, 8, 16, READ_ONLY))
      t.same([m.read(0, 7), m.read(0, 8), m.read(0, 15), m.read(0, 16)], [-FAULT_SEGV, 0, 0, -FAULT_SEGV])
      t.equal(m.write(0, 9, 1), -FAULT_SEGV)
      m.endAndAudit()
    })

    t.test('shared memory is one frame in two address spaces, and dirt is not lost', async t => {
      const m = new Machine(policy, {}, [0, 1])
      m.on(0, task => task.mmap(0, 8, 16, SHARED))
      m.on(0, task => task.mmap(1, 40, 48, { ...SHARED, offset: 1 }))
      t.equal(m.write(0, 9, 5), 0)
      t.equal(m.read(1, 40, 0), 5, 'page 1 of the object in both')
      const frame = m.frameOf(0, 9)
      t.equal(m.frameOf(1, 40), frame)
      t.equal(m.frame(frame, 'mapcount'), 2)
      t.equal(m.frame(frame, 'refcount'), 3, 'two entries and the object')
      t.equal(m.frame(frame, 'flags') & PG_DIRTY, 0, 'the entry is dirty, the frame not yet')
      m.on(0, task => task.munmap(0, 8, 16))
      t.equal(m.frame(frame, 'flags') & PG_DIRTY, PG_DIRTY)
      t.equal(m.frame(frame, 'mapcount'), 1)
      t.equal(m.read(1, 40, 0), 5)
      m.on(0, task => task.munmap(1, 40, 48))
      t.same([m.frame(frame, 'mapcount'), m.frame(frame, 'refcount')], [0, 1], 'the object keeps it')
      m.on(0, task => task.mmap(0, 100, 108, SHARED))
      t.equal(m.read(0, 101), 5)
      m.endAndAudit()
    })

    t.test('a shared page that was read can be written later', async t => {
      const m = new Machine(policy)
      m.on(0, task => task.mmap(0, 8, 16, SHARED))
      t.equal(m.read(0, 9), 0)
      t.equal(m.pte(0, 9) & PTE_WRITE, 0)
      const frame = m.frameOf(0, 9)
      t.equal(m.write(0, 9, 5), 0)
      t.equal(m.frameOf(0, 9), frame)
      m.endAndAudit()
    })

    t.test('equal addresses of two address spaces are different pages', async t => {
      const m = new Machine(policy)
      for (const mm of [0, 1]) m.on(0, task => task.mmap(mm, 8, 16, PRIVATE))
      m.write(0, 9, 5)
      m.on(0, task => task.switchMm(1))
      t.equal(m.read(0, 9), 0)
      m.write(0, 9, 6)
      m.on(0, task => task.switchMm(0))
      t.equal(m.read(0, 9), 5)
      m.endAndAudit()
    })

    t.test('mprotect takes the right to write, and gives it back', async t => {
      const m = new Machine(policy)
      m.on(0, task => task.mmap(0, 8, 16, PRIVATE))
      for (let vpn = 8; vpn < 16; vpn++) m.write(0, vpn, vpn)
      m.on(1, task => t.equal(task.mprotect(0, 10, 12, false), DONE))
      t.same(m.borders(), [
        [8, 10],
        [10, 12],
        [12, 16],
      ])
      t.equal(m.write(0, 10, 99), -FAULT_SEGV)
      t.equal(m.pte(0, 10) & PTE_WRITE, 0)
      t.same([m.read(0, 10), m.read(0, 11)], [10, 11])
      t.same([m.write(0, 9, 19), m.write(0, 12, 22)], [0, 0], 'the neighbours keep theirs')
      m.on(1, task => t.equal(task.mprotect(0, 10, 12, true), DONE))
      t.same(m.borders(), [[8, 16]], 'one VMA again')
      t.equal(m.write(0, 10, 20), 0)
      t.same([m.read(0, 9), m.read(0, 10), m.read(0, 11), m.read(0, 12)], [19, 20, 11, 22])
      m.endAndAudit()
    })

    t.test('mprotect moves the border between two neighbours', async t => {
      const m = new Machine(policy)
      m.on(0, task => task.mmap(0, 8, 16, PRIVATE))
      m.on(0, task => task.mprotect(0, 8, 12, false))
      m.on(0, task => task.mprotect(0, 10, 12, true))
      t.same(m.borders(), [
        [8, 10],
        [10, 16],
      ])
      m.on(0, task => task.mprotect(0, 10, 14, false))
      t.same(m.borders(), [
        [8, 14],
        [14, 16],
      ])
      t.equal(m.write(0, 13, 1), -FAULT_SEGV)
      t.equal(m.write(0, 14, 1), 0)
      m.endAndAudit()
    })

    t.test('dropped private pages read zero, dropped shared ones what they held', async t => {
      const m = new Machine(policy)
      m.on(0, task => task.mmap(0, 8, 12, PRIVATE))
      m.on(0, task => task.mmap(0, 14, 18, SHARED))
      for (const vpn of [8, 11, 14, 17]) m.write(0, vpn, vpn)
      const free = m.freeFrames()
      const frame = m.frameOf(0, 11)
      m.on(1, task => t.equal(task.dontneed(0, 9, 18), DONE, 'over the gap'))
      t.same([m.pte(0, 11), m.pte(0, 14)], [0, 0])
      t.equal(m.freeFrames(), free + 1)
      t.same([m.read(0, 8), m.read(0, 11), m.read(0, 14), m.read(0, 17)], [8, 0, 14, 17])
      t.equal(m.borders().length, 2, 'the mappings stay')
      m.write(1, 12 - 2, 3)
      t.equal(m.frameOf(0, 10), frame, 'the frame is handed out again at once')
      t.equal(m.read(0, 10), 0, 'and nothing is left in it')
      m.endAndAudit()
    })

    t.test('unmapping the middle splits, mapping it again merges', async t => {
      const m = new Machine(policy)
      m.on(0, task => task.mmap(0, 8, 32, PRIVATE))
      for (const vpn of [8, 15, 16, 23, 24, 31]) m.write(0, vpn, vpn)
      m.on(1, task => t.equal(task.munmap(0, 16, 24), DONE))
      t.same(m.borders(), [
        [8, 16],
        [24, 32],
      ])
      t.same([m.read(0, 15), m.read(0, 16), m.read(0, 23), m.read(0, 24)], [15, -FAULT_SEGV, -FAULT_SEGV, 24])
      m.on(0, task => t.equal(task.munmap(0, 16, 24), DONE, 'nothing there is no error'))
      m.on(1, task => t.equal(task.mmap(0, 16, 24, PRIVATE), DONE))
      t.same(m.borders(), [[8, 32]])
      t.equal(Atomics.load(m.w, m.mm(0).mapCount), 1)
      t.same([m.read(0, 8), m.read(0, 15), m.read(0, 16), m.read(0, 24), m.read(0, 31)], [8, 15, 0, 24, 31])
      m.endAndAudit()
    })

    t.test('parts of a shared mapping keep their place in the object', async t => {
      const m = new Machine(policy)
      m.on(0, task => task.mmap(0, 8, 32, SHARED))
      for (let vpn = 8; vpn < 32; vpn++) m.write(0, vpn, vpn)
      m.on(0, task => task.munmap(0, 10, 20))
      m.on(0, task => task.mprotect(0, 24, 28, false))
      m.on(0, task => task.dontneed(0, 8, 32))
      for (const vpn of [8, 9, 20, 23, 24, 27, 28, 31]) t.equal(m.read(0, vpn), vpn)
      m.on(0, task => task.mmap(0, 10, 20, { ...SHARED, offset: 2 }))
      t.equal(m.borders()[0][1], 24, 'what continues the object merges')
      m.on(0, task => task.mmap(0, 10, 20, { ...SHARED, offset: 3 }))
      t.equal(m.borders()[0][1], 10, 'and what does not, does not')
      t.equal(m.read(0, 10), 11)
      m.endAndAudit()
    })

    t.test('neighbours merge only when they are alike', async t => {
      const m = new Machine(policy)
      m.on(0, task => {
        task.mmap(0, 8, 16, PRIVATE)
        task.mmap(0, 16, 24, READ_ONLY)
        task.mmap(0, 24, 32, SHARED)
        task.mmap(0, 0, 8, PRIVATE)
      })
      t.same(m.borders(), [
        [0, 16],
        [16, 24],
        [24, 32],
      ])
      m.endAndAudit()
    })

    t.test('two neighbours with pages under different anon_vmas stay apart', async t => {
      const m = new Machine(policy)
      m.on(0, task => task.mmap(0, 8, 16, PRIVATE))
      m.on(0, task => task.mmap(0, 24, 32, PRIVATE))
      m.write(0, 8, 1)
      m.write(0, 24, 2)
      m.on(0, task => task.mmap(0, 16, 24, PRIVATE))
      t.same(m.borders(), [
        [8, 24],
        [24, 32],
      ])
      m.endAndAudit()
    })

    t.test('mapping over what is mapped replaces it', async t => {
      const m = new Machine(policy)
      m.on(0, task => task.mmap(0, 8, 16, PRIVATE))
      m.on(0, task => task.mmap(0, 20, 28, SHARED))
      for (const vpn of [9, 12, 21, 27]) m.write(0, vpn, vpn)
      m.on(1, task => t.equal(task.mmap(0, 10, 24, READ_ONLY), DONE))
      t.same(m.borders(), [
        [8, 10],
        [10, 24],
        [24, 28],
      ])
      t.same([m.read(0, 9), m.read(0, 12), m.read(0, 21), m.read(0, 27)], [9, 0, 0, 27])
      t.equal(m.write(0, 12, 1), -FAULT_SEGV)
      m.endAndAudit()
    })

    t.test('a VMA that was freed is the next one to be handed out', async t => {
      const m = new Machine(policy)
      m.on(0, task => task.mmap(0, 8, 16, PRIVATE))
      m.on(0, task => task.mmap(0, 24, 32, PRIVATE))
      const [vma] = m.vmas()
      const generation = m.k.vmas.generation(vma)
      m.on(0, task => task.munmap(0, 8, 16))
      // Some policies free VMAs after a grace period.
      m.on(0, task => task.k.rcu.barrier())
      m.on(0, task => task.mmap(1, 100, 104, PRIVATE))
      t.same(m.vmas(1), [vma], 'in another address space')
      t.equal(m.k.vmas.generation(vma), generation + 2)
      t.equal(Atomics.load(m.w, vma + VMA.vm_mm), 2)
      m.endAndAudit()
    })

    t.test('impossible ranges are refused and change nothing', async t => {
      const m = new Machine(policy)
      const { pages } = m.memory.options
      m.on(0, task => task.mmap(0, pages - 8, pages, PRIVATE))
      for (const [start, end] of [
        [-1, 8],
        [8, 8],
        [9, 8],
        [pages - 1, pages + 1],
      ]) {
        m.on(0, task => {
          t.equal(task.mmap(0, start, end, PRIVATE), EINVAL)
          t.equal(task.munmap(0, start, end), EINVAL)
          t.equal(task.mprotect(0, start, end, false), EINVAL)
          t.equal(task.dontneed(0, start, end), EINVAL)
        })
      }
      t.same(m.borders(), [[pages - 8, pages]])
      t.equal(m.write(0, pages - 1, 1), 0, 'the last page can be used')
      m.endAndAudit()
    })
  })
}
