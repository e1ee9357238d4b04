import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'llist-unlocked-consumers',
  title: 'two consumers take single entries of a lock-less list',
  story: `llist_del_first reads the first entry X and its link Y, and then swaps the head from X to Y. While A is in
    between, B takes X and Y and adds X again. A's swap succeeds, and Y, which is B's, is first in the list. That is why
    the kernel's table asks for a lock between consumers, unless all of them take the whole list. The mutant leaves the
    lock out.`,
  source: 'Linux, include/linux/llist.h, its table of what needs a lock',
  scenarios: ['llist'],
  site: 'llist/del-first',
  oracle: ['GEN', 'TOKEN', 'HANG'],
  hardness: 'E',
})
