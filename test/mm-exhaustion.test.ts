/** What happens when frames, VMAs or page tables run out: refused clearly, nothing lost, and usable again afterwards. */
import t from 'tap'
import { DONE, ENOMEM } from '../lib/mm/call/mmap.ts'
import { FAULT_OOM, FAULT_SEGV } from '../lib/mm/fault/fault-codes.ts'
import { POLICIES } from '../lib/mm/policy/policy.ts'
import { Machine, PRIVATE, SHARED } from './helpers/memory.ts'

for (const policy of POLICIES) {
  t.test(policy, async t => {
    t.test('frames run out, and a drop brings them back', async t => {
      const m = new Machine(policy, { frames: 17 })
      m.on(0, task => task.mmap(0, 0, 32, PRIVATE))
      for (let vpn = 0; vpn < 16; vpn++) t.equal(m.write(0, vpn, vpn), 0)
      t.equal(m.freeFrames(), 0)
      t.equal(m.write(0, 16, 1), -FAULT_OOM)
      t.equal(m.read(0, 16), 0, 'the zero page needs no frame')
      t.equal(m.write(0, 16, 1), -FAULT_OOM, 'but replacing it does')
      t.equal(m.read(0, 16), 0, 'and it is still there')
      m.on(0, task => task.mmap(0, 40, 44, SHARED))
      t.equal(m.read(0, 40), -FAULT_OOM, 'nor has a shared page any')
      m.on(0, task => task.dontneed(0, 3, 5))
      t.same([m.write(0, 16, 2), m.write(0, 41, 3), m.write(0, 17, 1)], [0, 0, -FAULT_OOM])
      t.same([m.read(0, 2), m.read(0, 16), m.read(0, 41)], [2, 2, 3])
      m.endAndAudit()
    })

    t.test('frames that one CPU keeps for itself are found by the audit', async t => {
      const m = new Machine(policy, { frames: 100 })
      m.on(0, task => task.mmap(0, 0, 90, PRIVATE))
      for (let vpn = 0; vpn < 90; vpn++) m.write(vpn % 2, vpn, 1)
      m.on(1, task => task.munmap(0, 0, 90))
      t.equal(m.freeFrames(), 99)
      m.endAndAudit()
    })

    t.test('VMAs run out: mapping and splitting are refused, unmapping is not', async t => {
      const m = new Machine(policy, { vmas: 4 })
      m.on(0, task => {
        for (const start of [0, 16, 32, 48]) t.equal(task.mmap(0, start, start + 8, PRIVATE), DONE)
        t.equal(task.mmap(1, 0, 8, PRIVATE), ENOMEM)
      })
      for (const vpn of [2, 4, 6]) m.write(0, vpn, vpn)
      m.on(0, task => {
        t.equal(task.munmap(0, 2, 4), ENOMEM)
        t.equal(task.mprotect(0, 2, 4, false), ENOMEM)
        t.equal(task.mmap(0, 2, 4, SHARED), ENOMEM, 'nor room made for a mapping')
      })
      t.equal(m.borders().length, 4)
      t.same([m.read(0, 2), m.read(0, 4), m.read(0, 6)], [2, 4, 6], 'nothing was lost')
      t.equal(m.write(0, 2, 9), 0)
      m.on(0, task => t.equal(task.mmap(0, 8, 12, PRIVATE), DONE, 'a neighbour can grow'))
      m.on(0, task => t.equal(task.munmap(0, 32, 56), DONE))
      // Some policies free VMAs after a grace period.
      m.on(0, task => task.k.rcu.barrier())
      m.on(0, task => t.equal(task.munmap(0, 2, 4), DONE, 'with two free again both splits work'))
      t.same([m.read(0, 2), m.read(0, 4)], [-FAULT_SEGV, 4])
      m.endAndAudit()
    })

    t.test('an address space holds so many VMAs and no more', async t => {
      const m = new Machine(policy, { mapCount: 4, vmas: 32 })
      m.on(0, task => {
        for (const start of [0, 16, 32, 48]) t.equal(task.mmap(0, start, start + 8, PRIVATE), DONE)
        t.equal(task.mmap(0, 64, 72, PRIVATE), ENOMEM)
        t.equal(task.munmap(0, 2, 4), ENOMEM)
        t.equal(task.mmap(1, 64, 72, PRIVATE), DONE, 'the other has room')
      })
      t.equal(Atomics.load(m.w, m.mm(0).mapCount), 4)
      t.equal(m.k.vmas.live(), 5, 'what was refused holds no VMA')
      m.endAndAudit()
    })

    t.test('a split that fails at the second border leaves both parts usable', async t => {
      const m = new Machine(policy, { mapCount: 2 })
      m.on(0, task => task.mmap(0, 0, 16, PRIVATE))
      for (let vpn = 0; vpn < 16; vpn++) m.write(0, vpn, vpn)
      m.on(0, task => t.equal(task.munmap(0, 4, 8), ENOMEM))
      for (let vpn = 0; vpn < 16; vpn++) t.equal(m.read(0, vpn), vpn)
      m.on(0, task => t.equal(task.mprotect(0, 4, 8, false), ENOMEM))
      for (let vpn = 0; vpn < 16; vpn++) t.equal(m.write(0, vpn, vpn), 0)
      m.endAndAudit()
    })

    t.test('page tables run out', async t => {
      const m = new Machine(policy)
      const hoard: number[] = []
      for (let table = m.k.tables.alloc(); table !== 0; table = m.k.tables.alloc()) hoard.push(table)
      m.on(0, task => task.mmap(0, 0, 8, PRIVATE))
      t.same([m.write(0, 0, 1), m.read(0, 0)], [-FAULT_OOM, -FAULT_OOM])
      // One is not enough: the table between stays, and serves later.
      m.k.tables.free(hoard.pop() as number)
      t.equal(m.write(0, 0, 1), -FAULT_OOM)
      for (const table of hoard) m.k.tables.free(table)
      t.equal(m.write(0, 0, 1), 0)
      m.endAndAudit()
    })
  })
}
