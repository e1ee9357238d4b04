import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'atomic-failure-ignored',
  title: 'a conditional operation that failed is taken for done',
  story: `A takes one from a count by compare-and-swap. Between its load and the swap B changes the word, so the swap fails
    and changes nothing. The loop has to look at the result: compute anew from what is there, and try again. The mutant
    goes on as if it had been done. A reader is in that nobody has counted, and when it leaves it counts somebody else
    out.`,
  source:
    'the rule of Linux, Documentation/atomic_t.txt: a failed conditional operation does nothing and orders nothing',
  scenarios: ['atomic'],
  site: 'atomic/conditional',
  oracle: ['CNT', 'REF'],
  hardness: 'E',
})
