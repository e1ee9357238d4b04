/** vma-lock, its faulting threads saying also how much CPU time they got: noise of other processes is not in that. */
import { readFileSync } from 'node:fs'
import vmaLock from '../../scenarios/mm/vma-lock.ts'

/** CPU time of the calling thread in microseconds; 0 where the kernel does not say. */
function threadCpuMicros(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1000
  } catch {
    // No /proc, or no such statistics in it.
    return 0
  }
}

const { faulter } = vmaLock.threads

export default {
  ...vmaLock,
  name: 'timed-vma-lock',
  threads: {
    ...vmaLock.threads,
    faulter: {
      ...faulter,
      run: (context: Parameters<typeof faulter.run>[0]) => {
        const before = threadCpuMicros()
        faulter.run(context)
        context.count('cpu-us', threadCpuMicros() - before)
      },
    },
  },
}
