/** What Linux tells about threads, affinity and throttling; elsewhere the answers are undefined. */
import { readFileSync, readlinkSync } from 'node:fs'

/** Kernel id of the calling thread; 0 where there is none to be had. */
export function kernelThreadId(): number {
  try {
    return Number(readlinkSync('/proc/thread-self').split('/').at(-1)) || 0
  } catch {
    // Not Linux, or no /proc.
    return 0
  }
}

export interface ThreadTimes {
  /** R running or runnable, S asleep, D in the kernel, T stopped. */
  readonly state: string
  /** CPU time so far. */
  readonly cpuMs: number
}

/** USER_HZ, the unit of /proc, is 100 on every architecture that Node runs on. */
const MS_PER_TICK = 10

export function threadTimes(tid: number): ThreadTimes | undefined {
  const text = tid === 0 ? undefined : read(`/proc/self/task/${tid}/stat`)
  if (text === undefined) return undefined
  // The name of the thread is in parentheses and may hold anything: fields are counted after the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0], cpuMs: (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK }
}

/** Time for which the cgroup has throttled us since it exists, microseconds. */
export function throttledMicros(): number | undefined {
  const group = read('/proc/self/cgroup')?.match(/^0::(.*)$/m)?.[1]
  if (group === undefined) return undefined
  const stat = read(`/sys/fs/cgroup${group === '/' ? '' : group}/cpu.stat`) ?? read('/sys/fs/cgroup/cpu.stat')
  const found = stat?.match(/^throttled_usec (\d+)$/m)?.[1]
  return found === undefined ? undefined : Number(found)
}

/** CPUs that the process may run on: `0-2,5` as [0, 1, 2, 5]. */
export function allowedCpus(): number[] {
  const list = read('/proc/self/status')?.match(/^Cpus_allowed_list:\s*(\S+)$/m)?.[1] ?? ''
  return list.split(',').flatMap(range => {
    const [from, to = from] = range.split('-').map(Number)
    return range === '' ? [] : Array.from({ length: to - from + 1 }, (_, i) => from + i)
  })
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Not Linux, or the thread has gone.
    return undefined
  }
}
