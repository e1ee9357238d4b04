import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'condvar-no-sequence',
  title: 'a signal between the mutex and the sleep is lost',
  story: `Who waits for a condition notes the number of signals, gives the mutex up, and sleeps only if that number has
    not changed. The mutant's signals are not counted: they wake who sleeps. One between the mutex and the sleep
    wakes nobody, and the sleep begins after it. In a buffer with room for one item the producer then waits for
    room, and the consumer for the item that is there.`,
  source: 'SBCL 1.0.37.34 and musl commit 97c5b5a87c3d had tokens that did not change with each signal',
  scenarios: ['condvar', 'condvar-baton'],
  site: 'condition/wait',
  oracle: 'HANG',
  hardness: 'E',
})
