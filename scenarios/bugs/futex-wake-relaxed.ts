import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'futex-wake-relaxed',
  title: 'a futex looks for sleepers before the change of its word can be seen',
  story: `Who changes a futex's word and wakes looks first, without a lock, whether anybody waits at all. Who waits says
    so and then looks at the word. One of the two must see the other, which takes a full barrier between the change
    and the look. The mutant's look is relaxed: it may come before the change of the word is visible. The sleeper
    finds the word as it was, the waker finds nobody, and the sleep is for ever. x86 does this as well: it takes
    torture explore --memory-model tso, with a barrier, which turns its sense by a store.`,
  source: 'Linux 76835b0ebf8a (2014)',
  scenarios: ['cyclic-barrier'],
  site: 'futex/changed',
  oracle: 'HANG',
  hardness: 'X',
  memoryModel: 'tso',
})
