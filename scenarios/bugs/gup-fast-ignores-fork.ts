import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'gup-fast-ignores-fork',
  title: 'a page is pinned while fork shares it',
  story: `A thread pins a page without any lock: it finds a page that its address space has for itself, takes the reference,
    and sees that the entry is unchanged. fork, on another CPU, has looked for pins just before, has found none, and goes
    on to share the page. From then on the next write copies it, and the device keeps the old page; until then the child
    sees what the device writes. fork says that it is at work in write_protect_seq, and whoever has pinned without a lock
    must look there, and give the pin up. The mutant does not.`,
  source: 'Linux commit 57efa1fe5957 (2020)',
  scenarios: ['gup'],
  site: 'gup-fast/forked',
  oracle: ['DATA', 'SNAP'],
  hardness: 'E',
  params: {
    slots: 1,
    'slot-pages': 1,
    share: 0,
    force: 0,
    touch: 1,
    pins: 1,
    hold: 10,
    drop: 0,
    protect: 0,
    unmap: 0,
    fork: 8,
  },
})
