import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'refcount-from-zero',
  title: 'a reference is taken of an object that has none left',
  story: `B gives up the last reference and is about to free the object. A has found it meanwhile, in a table that holds
    no reference of its own, and takes one: the count goes from 0 to 1. A uses what B frees, and frees it again when
    it gives its reference up. The mutant counts up whatever is there, as refcount_inc would, which is for those who
    have a reference already.`,
  source: 'Linux, Documentation/core-api/refcount-vs-atomic.rst: refcount_inc_not_zero',
  scenarios: ['refcount'],
  site: 'refcount/get',
  oracle: ['GEN', 'REF'],
  hardness: 'E',
})
