/**
 * One reader of a VMA under the VMA lock, and one thread that takes the VMA away from under it, gives it to another
 * address space, and ends that one. The reader does what a fault does until it has the lock, and no more: small enough
 * to be explored, since stress hardly ever gets into windows that lie one in the other.
 */
import assert from 'node:assert/strict'
import { bootKernel } from '../../lib/mm/boot.ts'
import { mmput } from '../../lib/mm/call/exit.ts'
import { mmAlloc } from '../../lib/mm/call/mm-life.ts'
import { mmap, munmap } from '../../lib/mm/call/mmap.ts'
import { createMemory, type MemoryImage } from '../../lib/mm/memory.ts'
import { READ_LOCKED, vmaEndRead, vmaStartRead } from '../../lib/mm/vma/vma-lock.ts'
import { findVma } from '../../lib/mm/vma/vma-store.ts'
import { defineScenario } from '../../torture/scenario.ts'

const START = 1
const END = 3
const PRIVATE = { write: true, object: 0, offset: 0 }

interface Shared {
  readonly memory: MemoryImage
}

const open = ({ shared, thread }: { shared: Shared; thread: number }) => bootKernel(shared.memory, thread, 'vma-lock')

export default defineScenario({
  name: 'vma-recycle',
  summary: 'a VMA that becomes one of another address space, which ends, under a reader that has found it',
  tags: ['mm'],
  params: {},
  setup: (): Shared => {
    const memory = createMemory({
      cpus: 2,
      mms: 2,
      firstMms: 1,
      pages: 4,
      levels: 2,
      tableBits: 2,
      frames: 2,
      vmas: 2,
      mapCount: 2,
    })
    const boot = bootKernel(memory, 0, 'vma-lock')
    boot.cpu.run()
    mmap(boot, boot.mms[0], START, END, PRIVATE)
    boot.rcu.barrier()
    boot.cpu.offline()
    return { memory }
  },
  threads: {
    reader: {
      open,
      run: ({ local: k }) => {
        k.cpu.run()
        k.rcu.readLock()
        const vma = findVma(k, k.mms[0], START)
        if (vma !== 0 && vmaStartRead(k, k.mms[0], vma) === READ_LOCKED) vmaEndRead(k, vma)
        k.rcu.readUnlock()
        k.cpu.offline()
      },
    },
    recycler: {
      open,
      run: ({ local: k }) => {
        k.cpu.run()
        munmap(k, k.mms[0], START, END)
        const other = k.mms[mmAlloc(k)]
        mmap(k, other, START, END, PRIVATE)
        mmput(k, other)
        // No waiting for a grace period: the reader would be waited for, turn by turn, in every execution.
        k.cpu.offline()
      },
    },
  },
  check: ({ shared: { memory } }) => {
    const k = bootKernel(memory, 0, 'vma-lock')
    const counts = k.mms.map(mm => Atomics.load(k.w, mm.count))
    assert.deepEqual(counts, [1, 0], 'the first address space is there, the other one is gone')
    assert.equal(k.vmas.live(), 0, 'no VMA is left')
  },
})
