/** Concurrent page faults under per-VMA locks (Linux 6.15 and later), falling back to mmap_lock. */
import { defineScenario } from '../torture/scenario.ts'
import { faultScenario } from './workloads/faults.ts'

/** Below this many faults a rate says nothing. */
const ENOUGH_FAULTS = 10_000

export default defineScenario(
  faultScenario('vma-lock', {
    summary: 'page faults under per-VMA locks, beside threads that map, unmap, protect and drop',
    inconclusive: ({ counters, params }) => {
      if (params.load !== 'mixed') return undefined
      const faults = counters.faults ?? 0
      const fast = (counters['faults.fast'] ?? 0) / faults
      if (faults < ENOUGH_FAULTS) return undefined
      if (fast < 0.001)
        return `only ${(fast * 100).toFixed(3)}% of the faults took the VMA lock: the fast path was not tested`
      if (fast > 0.999)
        return `${(fast * 100).toFixed(3)}% of the faults took the VMA lock: the fallback was not tested`
      return undefined
    },
  }),
)
