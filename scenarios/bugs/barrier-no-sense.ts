import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'barrier-no-sense',
  title: 'a barrier is used again before all have left it',
  story: `The last to arrive sets the count back to 0 and turns the sense; the others wait for the sense. The mutant has
    no sense: they wait for the count to be 0. The last one goes on, arrives in the next phase, and the count is 1
    before a slow one has seen the 0: it waits for a phase that cannot end without it.`,
  source: 'Hensgen, Finkel, Manber, IJPP 17(1), 1988, whose remedy is the sense',
  scenarios: ['cyclic-barrier'],
  site: 'barrier/arrived',
  oracle: ['HANG', 'DATA', 'CNT'],
  hardness: 'E',
})
