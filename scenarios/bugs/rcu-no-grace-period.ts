import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'rcu-no-grace-period',
  title: 'a grace period that waits for nobody',
  story: `A grace period takes a snapshot of every CPU's section word and waits for those that are inside. The mutant's
    snapshot holds nobody: the period ends as soon as it has begun, so callbacks run and synchronize returns while
    readers still hold what was unlinked. It is rcutorture's busted flavour.`,
  source: 'rcutorture of Linux, torture_type=busted',
  scenarios: ['rcu'],
  site: 'rcu.reader-seen',
  oracle: 'GEN',
  hardness: 'E',
})
