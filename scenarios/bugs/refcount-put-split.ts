import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'refcount-put-split',
  title: 'whether it was the last reference is asked after it was given up',
  story: `Two references are left. A takes one off, B takes one off, and both look at the count after that: it is 0, and
    both free the object. Or another thread has made the next object in the same place before A looks, and nobody
    frees the first. The mutant of refcount_dec_and_test subtracts and then loads; the subtraction itself has the
    answer.`,
  source: 'the rule of Linux, Documentation/core-api/refcount-vs-atomic.rst: refcount_dec_and_test',
  scenarios: ['refcount'],
  site: 'refcount/put',
  oracle: ['GEN', 'REF'],
  hardness: 'E',
})
