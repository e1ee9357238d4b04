/** Puts a kernel together: with its TLB, its gather, a policy, and what it does when it is interrupted. */
import { Kernel } from './kernel.ts'
import type { MemoryImage } from './memory.ts'
import { MmapLockPolicy } from './policy/mmap-lock.ts'
import type { Policy, PolicyName } from './policy/policy.ts'
import { RangeLockPolicy } from './policy/range-lock.ts'
import { SpfPolicy } from './policy/spf.ts'
import { VmaLockPolicy } from './policy/vma-lock.ts'
import { VmaLock64Policy } from './policy/vma-lock-6.4.ts'
import { VmaLockRfcPolicy } from './policy/vma-lock-rfc2022.ts'
import { MmuGather } from './tlb/mmu-gather.ts'
import { serveFlushes } from './tlb/shootdown.ts'
import { SoftwareTlb } from './tlb/software-tlb.ts'

/** The kernel of one thread, with a policy by name; `cpuId` is the thread's CPU, used by nobody else. */
export function bootKernel(image: MemoryImage, cpuId: number, policy: PolicyName): Kernel {
  const k = new Kernel(image, cpuId, {
    tlb: kernel => new SoftwareTlb(kernel),
    gather: kernel => new MmuGather(kernel),
    policy: kernel => createPolicy(policy, kernel),
  })
  const { w, cpu, tlb } = k
  const flushRange = (start: number, end: number) => tlb.flushRange(start, end)
  cpu.onInterrupt = everything => {
    if (everything) tlb.flush()
    else serveFlushes(w, image.flushes, cpuId, flushRange)
  }
  return k
}

function createPolicy(name: PolicyName, k: Kernel): Policy {
  switch (name) {
    case 'mmap-lock':
      return new MmapLockPolicy(k)
    case 'range-lock':
      return new RangeLockPolicy(k)
    case 'spf':
      return new SpfPolicy(k)
    case 'vma-lock':
      return new VmaLockPolicy(k)
    case 'vma-lock-6.4':
      return new VmaLock64Policy(k)
    case 'vma-lock-rfc2022':
      return new VmaLockRfcPolicy(k)
  }
}
