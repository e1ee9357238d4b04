import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'percpu-sum-unlocked',
  title: 'the sum of a split counter is taken while a batch moves',
  story: `A reader adds the common count and what each CPU keeps. It has read the common count when a CPU moves its batch
    there, and then finds that CPU with nothing: a batch is missing. Or the CPU has moved it and not yet set its own
    count to 0: it is there twice. The sum has to take the lock under which batches move. The mutant does not, as if
    reading needed none.`,
  source: 'the lock of percpu_counter: Linux, lib/percpu_counter.c, __percpu_counter_sum()',
  scenarios: ['percpu-counter'],
  site: 'percpu-counter/sum',
  oracle: 'REF',
  hardness: 'E',
})
