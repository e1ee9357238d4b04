import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'srcu-closed-under-current',
  title: 'a section is closed under another index than it was opened under',
  story: `srcu_read_lock returns the index under which the section was counted, and srcu_read_unlock wants it back, since
    a flip may have come in between. The mutant closes under the index of now. From then on one section too many is
    closed under one index, and another seems to be open for ever under the other: periods end early, or never.`,
  source: 'Linux, include/linux/srcu.h, srcu_read_unlock(), which demands the index',
  scenarios: ['srcu'],
  site: 'srcu/read-unlock',
  oracle: ['HANG', 'GEN'],
  hardness: 'E',
})
