import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'srcu-opened-first',
  title: 'opened sections are summed up before closed ones',
  story: `Reader A is inside: one section was opened under the index, none closed. The updater sums up what was opened: 1.
    Straggler B opens a section under that index and closes it again. The updater sums up what was closed: 1. Equal, so
    nobody seems to be inside, and A loses what it holds. In the other order whatever is counted as closed is counted as
    opened, too. The mutant has the two sums in this order.`,
  source: 'Linux, kernel/rcu/srcutree.c, srcu_readers_active_idx_check(), its comment',
  scenarios: ['srcu-sync'],
  site: 'srcu/scan',
  oracle: ['GEN', 'TOKEN'],
  hardness: 'X',
  params: { longReadEvery: 1000000, elements: 2 },
})
