import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'gup-no-unshare',
  title: 'a shared page is pinned to be read, and copied away by the next write',
  story: `A page that is still shared with a child, or is the zero page, is pinned to be read by a device. The next write
    to it makes a copy, and the device never sees what was written. Before such a page is pinned it must be given to this
    address space alone: a fault that makes the copy now, though nothing is written. The mutant pins the page as it is.`,
  source: 'Linux commit a7f226604170 (2022)',
  scenarios: ['gup'],
  site: 'gup/shared-page',
  oracle: 'DATA',
  hardness: 'E',
  params: { share: 0, force: 0 },
})
