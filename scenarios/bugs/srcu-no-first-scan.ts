import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'srcu-no-first-scan',
  title: 'the index is flipped back while a straggler holds on to it',
  story: `A reader reads index 0 and is held up. A grace period flips the index to 1, finds nobody under 0, and ends. Now
    the reader counts itself, under 0, and finds element E. E is unlinked, and the next period flips the index to 0
    again and waits for index 1, where nobody is. E is freed under the reader. A period has to look at the index that is
    about to become current first. The mutant does not.`,
  source: 'Linux, kernel/rcu/srcutree.c, srcu_advance_state(), SRCU_STATE_SCAN1; P. McKenney, Sleepable RCU, LWN 2006',
  scenarios: ['srcu-sync'],
  site: 'srcu/read-lock',
  oracle: ['GEN', 'TOKEN'],
  hardness: 'X',
  params: { longReadEvery: 1000000, elements: 2 },
})
