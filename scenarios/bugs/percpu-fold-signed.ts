import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'percpu-fold-signed',
  title: 'what a CPU keeps below zero is never moved',
  story: `A CPU moves what it keeps to the common count when it has a batch of it, up or down. The mutant compares the
    number and not its size: who counts down keeps it all, and the cheap reading, which may be wrong by less than a
    batch for each CPU, is wrong by any amount. The sum is right all the time, so nobody notices who only looks at
    that.`,
  source: 'our own control: the test of abs(count) against the batch in Linux, lib/percpu_counter.c',
  scenarios: ['percpu-counter'],
  site: 'percpu-counter/batch-below',
  oracle: 'REF',
  hardness: 'E',
})
