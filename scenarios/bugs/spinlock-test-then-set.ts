import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'spinlock-test-then-set',
  title: 'a spinlock that looked free is taken by a store',
  story: `Who waits for a spinlock looks first, and only when the lock looks free takes it by a compare-and-swap, which
    fails if somebody was faster. The mutant stores its number: two that saw the lock free both have it, and the
    second one's name is in the word when the first unlocks.`,
  source: "the test-and-set lock without its set: the first mistake of everybody's first lock",
  scenarios: ['lock-spinlock'],
  site: 'spinlock/found-free',
  oracle: ['CNT', 'DATA'],
  hardness: 'E',
})
