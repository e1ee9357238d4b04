/**
 * One thread that locks a VMA as faults of Linux 6.4 do, to give it an anon_vma, and one thread that moves the VMA's pages
 * away, which leaves it without one, and unmaps its neighbour. Small enough to be explored: the fault ends with what
 * matters here, it does not fall back, and nobody waits for a grace period, which would be a wait for the fault.
 */
import { AnonAudit } from '../../lib/check/audit-anon.ts'
import { bootKernel } from '../../lib/mm/boot.ts'
import { mmap, munmap } from '../../lib/mm/call/mmap.ts'
import { mremap } from '../../lib/mm/call/mremap.ts'
import { UNDER_VMA_LOCK } from '../../lib/mm/fault/fault-codes.ts'
import { prepareAnonVma } from '../../lib/mm/fault/prepare-anon-vma.ts'
import { createMemory, type MemoryImage } from '../../lib/mm/memory.ts'
import type { Mm } from '../../lib/mm/mm.ts'
import { VmaLock64Policy } from '../../lib/mm/policy/vma-lock-6.4.ts'
import { eachRange } from '../../lib/mm/vma/vma-store.ts'
import { defineScenario } from '../../torture/scenario.ts'

/** Two VMAs side by side, each with an anon_vma of its own, and room for the first one. */
const FIRST = 1
const SECOND = 3
const END = 5
const ROOM = 6
const PRIVATE = { write: true, object: 0, offset: 0 }

interface Shared {
  readonly memory: MemoryImage
}

const POLICY = 'vma-lock-6.4'

/** The first half of a fault: it has the VMA lock, and makes sure that there is an anon_vma. */
class Fault extends VmaLock64Policy {
  prepare(mm: Mm, vpn: number): void {
    const vma = this.lockVmaUnderRcu(mm, vpn)
    if (vma === 0) return
    prepareAnonVma(this.k, mm, vma, UNDER_VMA_LOCK)
    this.endRead(vma)
  }
}

const open = ({ shared, thread }: { shared: Shared; thread: number }) => bootKernel(shared.memory, thread, POLICY)

export default defineScenario({
  name: 'anon-vma-unlink',
  summary:
    'a fault under a VMA lock of Linux 6.4 in a VMA whose pages are moved away, beside a neighbour that is unmapped',
  tags: ['mm'],
  params: {},
  setup: (): Shared => {
    const options = { cpus: 2, mms: 1, pages: 8, levels: 2, tableBits: 3, frames: 16, vmas: 6, mapCount: 6 }
    const memory = createMemory(options)
    const boot = bootKernel(memory, 0, POLICY)
    const [mm] = boot.mms
    boot.cpu.run()
    mmap(boot, mm, FIRST, SECOND - 1, PRIVATE)
    mmap(boot, mm, SECOND, END, PRIVATE)
    // While there is a gap between them neither takes the other's anon_vma.
    boot.policy.fault(mm, FIRST, true)
    boot.policy.fault(mm, SECOND, true)
    mmap(boot, mm, SECOND - 1, SECOND, PRIVATE)
    boot.rcu.barrier()
    boot.cpu.offline()
    return { memory }
  },
  threads: {
    faulter: {
      open,
      run: ({ local: k }) => {
        k.cpu.run()
        new Fault(k).prepare(k.mms[0], SECOND - 1)
        k.cpu.offline()
      },
    },
    mover: {
      open,
      run: ({ local: k }) => {
        const [mm] = k.mms
        k.cpu.run()
        mremap(k, mm, FIRST, SECOND, { pages: SECOND - FIRST, to: ROOM, keep: true })
        munmap(k, mm, SECOND, END)
        k.cpu.offline()
      },
    },
  },
  check: ({ shared: { memory } }) => {
    const k = bootKernel(memory, 0, POLICY)
    const anon = new AnonAudit(memory)
    eachRange(k, k.mms[0], (start, end, vma) => anon.addVma(vma, `the VMA of ${start} to ${end}`))
    anon.finish()
  },
})
