import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'cow-ignores-exclusive',
  title: 'a page is copied away from under the device that writes to it',
  story: `A page is pinned, and a device writes to it. Its entry loses the right to write, by mprotect or fork, and the next
    write through the page tables faults. Who decides by the reference count whether the page may be written to in place
    finds the pin's reference and makes a copy: from now on the process and the device use two different pages, and what
    the device writes is lost. The page was this address space's own all the time, and PG_anon_exclusive says so. The
    mutant does not look at it.`,
  source: 'Linux 5.9 to 5.18; mended by PG_anon_exclusive, commit 6c287605fd56 (2022)',
  scenarios: ['gup'],
  site: 'cow/shared-page',
  oracle: 'DATA',
  hardness: 'E',
  params: { share: 0, force: 0, fork: 0, drop: 1, unmap: 0 },
})
