import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'atomic-set-relaxed',
  title: 'a message is announced before it is written',
  story: `A writes a message and then announces it. If the second store is no release it may be seen first: B hears of
    message 7, looks, and finds message 6. The mutant of atomic_set_release is a relaxed store. JavaScript has no
    such store, and x86 keeps stores in their order: it takes the store buffers of torture explore --memory-model
    pso.`,
  source: 'the pairing of Linux, Documentation/memory-barriers.txt, "SMP barrier pairing"',
  scenarios: ['atomic'],
  site: 'atomic/set-release',
  oracle: 'DATA',
  hardness: 'X',
  memoryModel: 'pso',
  params: { word: 'message' },
})
