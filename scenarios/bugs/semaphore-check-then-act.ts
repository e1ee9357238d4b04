import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'semaphore-check-then-act',
  title: 'two threads take the last permit',
  story: `A permit that was seen is taken by a compare-and-swap: it may have been taken meanwhile. The mutant subtracts
    one. Two that saw the last permit both take it: the count is -1, and more threads hold permits than there are.`,
  source: 'check-then-act, as in B. Goetz and others, Java Concurrency in Practice, 2006, section 2.2',
  scenarios: ['semaphore', 'lock-semaphore'],
  site: 'semaphore/found-one',
  oracle: ['CNT', 'DATA'],
  hardness: 'E',
})
