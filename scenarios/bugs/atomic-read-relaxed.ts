import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'atomic-read-relaxed',
  title: 'who hears of a message reads it too early',
  story: `A writes a message and then announces it, by a release. B reads the announcement, and then the message. If its
    first load is no acquire, the second may have been done long before: B has heard of message 7 and holds message
    6. The mutant of atomic_read_acquire is a relaxed load. JavaScript has no such load: it takes the store buffers
    of torture explore --memory-model pso.`,
  source: 'the pairing of Linux, Documentation/memory-barriers.txt, "SMP barrier pairing"',
  scenarios: ['atomic'],
  site: 'atomic/read-acquire',
  oracle: 'DATA',
  hardness: 'X',
  memoryModel: 'pso',
  params: { word: 'message' },
})
