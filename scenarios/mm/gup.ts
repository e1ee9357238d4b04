/** Pages taken out of an address space, with and without locks, and used by devices while it changes. */
import { defineScenario } from '../../torture/scenario.ts'
import { pinScenario } from '../workloads/pins.ts'

/** Below this many pins a share says nothing. */
const ENOUGH_PINS = 5_000

export default defineScenario(
  pinScenario({
    name: 'gup',
    summary: 'pages pinned and written to by devices and debuggers, beside copy on write, fork, munmap and drops',
    inconclusive: ({ counters, params }) => {
      const fast = counters['pins.fast'] ?? 0
      const all = fast + (counters['pins.slow'] ?? 0)
      if (all < ENOUGH_PINS) return undefined
      const share = fast / all
      if (share < 0.001) return `only ${(share * 100).toFixed(3)}% of the pins were taken without a lock`
      if (share > 0.999)
        return `${(share * 100).toFixed(3)}% of the pins were taken without a lock: the slow way was not tested`
      if (!counters['pins.compared']) return 'no pinned page was compared with what its address translates to'
      if (Number(params['refcount-bits']) < 16 && Number(params.pins) >= 3 && !counters['pins.refused'])
        return 'no reference count came near its limit'
      return undefined
    },
  }),
)
