import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'mremap-no-rmap-lock',
  title: 'a whole page table is moved while somebody who came by a page works in it',
  story: `mremap moves a leaf table as a whole where it can: it takes it out of the upper table at the old address and hangs
    it in at the new one, under the lock of the upper tables. A shrinker that came by a page has locked the leaf table and
    believes in the old address. A CPU reads the entry through the new address into its TLB; the shrinker clears the
    entry, flushes the old address, and frees the page. Only the locks of the way from page to VMA keep the two apart.
    The mutant does not take them.`,
  source: 'Linux commit 97113eb39fa7 (2021), CVE-2022-41222',
  scenarios: ['mremap-shrink'],
  site: 'mremap/move-table',
  oracle: ['FREE', 'DATA'],
  hardness: 'D',
  jitter: 'high',
  params: { abroad: 1 },
})
