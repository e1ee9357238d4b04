import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'treiber-untagged',
  title: 'the top of the stack is a plain index: ABA',
  story: `A reads the top X and the link behind it, Y. B pops X and Y, uses Y, and pushes X again: the slab hands out the
    node freed last first. A's compare-and-swap finds X on top, as before, and makes Y the top, a node that is not in
    the stack: it is free, or B's, and is pushed and popped twice. The mutant leaves the count of changes in the top as
    it is.`,
  source: 'R. K. Treiber, IBM RJ 5118 (1986), has the count; the name is from the IBM System/370 manuals',
  scenarios: ['treiber-tagged'],
  site: 'treiber/pop',
  oracle: ['GEN', 'TOKEN', 'HANG'],
  hardness: 'E',
})
