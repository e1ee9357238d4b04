import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'refcount-unsaturated',
  title: 'a count that overflows goes on counting',
  story: `A path that forgets to give its reference up can be taken as often as one likes. After 2^32 - 1 times the count
    is one less than the references that are in use: whoever gives the last but one up frees the object under the
    last one. A refcount_t that would pass its largest value is put far below zero and stays there, so that the
    object leaks and is never freed. The mutant lets it wrap. Here one thread leaks as many references in three
    steps.`,
  source: 'CVE-2016-0728 (keyrings); the saturation of refcount_t, Linux 4.11 (2017)',
  scenarios: ['refcount'],
  site: 'refcount/saturate',
  oracle: ['REF', 'GEN'],
  hardness: 'E',
  params: { leakEvery: 100 },
})
