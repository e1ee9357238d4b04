import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'refcount-get-split',
  title: 'a reference is taken by a test and an addition',
  story: `A finds a count of 1, which is not 0. B gives that reference up, and frees the object. A adds one: it holds a
    reference to an object that is gone, or to the next one in its place, whose count is one too high then. The
    mutant of refcount_inc_not_zero tests, and adds, where it takes one compare-and-swap that does both.`,
  source: 'the loop of refcount_inc_not_zero in Linux, include/linux/refcount.h',
  scenarios: ['refcount'],
  site: 'refcount/get',
  oracle: ['GEN', 'REF'],
  hardness: 'E',
})
