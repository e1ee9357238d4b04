import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'gup-fast-no-recheck',
  title: 'a page is pinned by an entry that is no longer there',
  story: `A thread pins a page without any lock: it reads the entry, and then takes a reference of the frame. In between
    another thread drops the page, the frame is freed and becomes another page, and the reference is one of that. So the
    entry, and the one that holds its table, must be looked at again once the reference is held. The mutant does not.`,
  source: 'the protocol of get_user_pages_fast; of the upper entry: Linux commit 70cbc3cc78a9 (2022)',
  scenarios: ['gup'],
  site: 'gup-fast/grabbed',
  oracle: ['DATA', 'FREE', 'REF'],
  hardness: 'D',
  jitter: 'high',
  params: {
    slots: 1,
    'slot-pages': 3,
    share: 0,
    force: 0,
    touch: 0,
    pins: 1,
    hold: 1,
    drop: 8,
    fork: 0,
    protect: 0,
    unmap: 0,
  },
})
