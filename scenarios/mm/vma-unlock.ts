/**
 * One thread that edits a VMA, and one that takes its lock as a fault does and believes what it says. Small enough to be
 * explored with store buffers: what an edit wrote must be seen before the number that unlocks it.
 */

import { bootKernel } from '../../lib/mm/boot.ts'
import { mmap } from '../../lib/mm/call/mmap.ts'
import { VM_READ, VM_WRITE } from '../../lib/mm/layout.ts'
import { createMemory, type MemoryImage } from '../../lib/mm/memory.ts'
import { setFlags, verifyVma } from '../../lib/mm/vma/vma.ts'
import { READ_LOCKED, vmaEndRead, vmaStartRead } from '../../lib/mm/vma/vma-lock.ts'
import { findVma, findVmaIn } from '../../lib/mm/vma/vma-store.ts'
import { defineScenario } from '../../torture/scenario.ts'

const START = 1
const END = 3

interface Shared {
  readonly memory: MemoryImage
}

const open = ({ shared, thread }: { shared: Shared; thread: number }) => bootKernel(shared.memory, thread, 'vma-lock')

export default defineScenario({
  name: 'vma-unlock',
  summary: 'a VMA that is edited and unlocked, beside a reader that locks it',
  tags: ['mm'],
  params: {},
  setup: (): Shared => {
    const options = { cpus: 2, mms: 1, pages: 4, levels: 2, tableBits: 2, frames: 2, vmas: 2, mapCount: 2 }
    const memory = createMemory(options)
    const boot = bootKernel(memory, 0, 'vma-lock')
    boot.cpu.run()
    mmap(boot, boot.mms[0], START, END, { write: true, object: 0, offset: 0 })
    boot.rcu.barrier()
    boot.cpu.offline()
    return { memory }
  },
  threads: {
    reader: {
      open,
      run: ({ local: k }) => {
        const [mm] = k.mms
        k.cpu.run()
        k.rcu.readLock()
        const vma = findVma(k, mm, START)
        if (vmaStartRead(k, mm, vma) === READ_LOCKED) {
          verifyVma(k, mm, vma, START)
          vmaEndRead(k, vma)
        }
        k.rcu.readUnlock()
        k.cpu.offline()
      },
    },
    writer: {
      open,
      run: ({ local: k }) => {
        const [mm] = k.mms
        k.cpu.run()
        k.policy.writeLock(mm)
        const vma = findVmaIn(k, mm, START, END)
        k.policy.startWrite(mm, vma)
        setFlags(k, vma, VM_READ)
        setFlags(k, vma, VM_READ | VM_WRITE)
        k.policy.writeUnlock(mm)
        k.cpu.offline()
      },
    },
  },
})
