import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'cow-reuse-by-mapcount',
  title: 'copy on write asks who maps a page, and not who holds it',
  story: `After a fork parent and child share a page. The child takes a reference to read it, as vmsplice does, and unmaps
    it. The parent writes: the map count is one, so the page looks like the parent's alone, and is made writable where it
    is. What the parent writes from now on can be read by the child. The reference count would have told. The mutant asks
    the map count alone.`,
  source: 'Linux commit 17839856fd58 (2020), CVE-2020-29374',
  scenarios: ['gup'],
  site: 'cow/shared-page',
  oracle: 'SNAP',
  hardness: 'E',
})
