import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'page-ref-unchecked',
  title: 'a reference count is counted up until it overflows',
  story: `Whoever can have references taken as often as he likes, through a pipe or a device, can take so many that the
    count passes its largest value and comes back to the small ones. The next reference that is given up seems to be the
    last one, the page is freed, and its other holders use what is somebody else's by then. So who takes references for
    others must refuse when the count has become too large. The mutant does not. The count here has 12 bits in the place
    of 32, and a pin counts 1024.`,
  source: 'Linux commit 8fde12ca79af (2019), CVE-2019-11487; of another count: CVE-2016-0728',
  scenarios: ['gup'],
  site: 'page-ref/refused',
  oracle: ['REF', 'FREE', 'GEN', 'DATA'],
  hardness: 'E',
  params: { 'refcount-bits': 12, pins: 8, share: 0, force: 0 },
})
