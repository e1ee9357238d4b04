import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'qspinlock-pending-no-wait',
  title: 'the pending waiter of a queued spinlock takes the lock from under its owner',
  story: `The first thread to wait sets the pending bit, waits until the owner's bit is gone, and then turns pending into
    locked in one step. The mutant does not wait: it adds its own locked to the owner's. Two are in, and the word
    counts two owners.`,
  source: 'Linux, kernel/locking/qspinlock.c: wait for owner to go away',
  scenarios: ['lock-qspinlock'],
  site: 'qspinlock/pending',
  oracle: ['CNT', 'DATA'],
  hardness: 'E',
})
