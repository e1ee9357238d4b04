import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'fork-ignores-pins',
  title: 'fork shares a page that a device writes to',
  story: `A page is pinned and its process forks. Like all others the page is now shared with the child and read-only on
    both sides; the parent writes first, gets a copy, and the device goes on writing to the page that only the child maps.
    So fork must copy pages that may be pinned at once, for the child, and leave the parent its own. The mutant shares
    them.`,
  source: 'Linux commit 70e806e4e645 (2020)',
  scenarios: ['gup'],
  site: 'fork/pinned',
  oracle: ['DATA', 'SNAP'],
  hardness: 'E',
  params: { share: 0, force: 0, drop: 1, protect: 0, unmap: 0, fork: 8 },
})
