import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'barrier-sense-relaxed',
  title: 'the next phase of a barrier begins before its count is reset',
  story: `The last to arrive sets the count back to 0, and then turns the sense over by a release. The mutant's store is
    relaxed and may overtake the reset: who sees the new sense arrives in the next phase and is counted, then the 0
    arrives, and one is missing for ever. It takes torture explore --memory-model pso.`,
  source: 'the order of the two stores in Mellor-Crummey, Scott, TOCS 9(1), 1991, algorithm 7',
  scenarios: ['cyclic-barrier'],
  site: 'barrier/last',
  oracle: ['HANG', 'DATA', 'CNT'],
  hardness: 'X',
  memoryModel: 'pso',
  params: { late: 0 },
})
