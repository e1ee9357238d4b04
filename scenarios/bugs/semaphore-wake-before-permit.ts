import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'semaphore-wake-before-permit',
  title: 'a semaphore wakes first, and gives the permit back afterwards',
  story: `Who gives a permit back adds it first and wakes a waiter then. The mutant wakes first: the waiter finds no
    permit and sleeps again, or had not begun to sleep and finds the count still 0; then the permit is added, and
    nobody is told. It lies there while its waiter sleeps.`,
  source: 'the rule of sleep and wakeup: condition first, wake-up then (Linux, Documentation/memory-barriers.txt)',
  scenarios: ['lock-semaphore', 'semaphore'],
  site: 'semaphore/up',
  oracle: 'HANG',
  hardness: 'E',
})
