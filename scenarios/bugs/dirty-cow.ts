import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'dirty-cow',
  title: 'a debugger forgets that it wanted to write, once the copy is made',
  story: `A debugger writes to a private, read-only mapping of a file. The fault makes a copy that belongs to the process
    alone, and leaves it read-only; so the debugger, looking again, asks for the page without the right to write, since
    the copy is there to be written to. Meanwhile another thread drops the page with madvise(DONTNEED). Now the look finds
    nothing, the fault that follows is one for reading, it maps the file's own page, and the debugger writes into the
    file, for which nobody had the right. Whether the copy was made must be asked of the page each time, not remembered.
    The mutant clears FOLL_WRITE after the fault.`,
  source: 'Linux commit 19be0eaffa3a (2016), CVE-2016-5195',
  scenarios: ['gup'],
  site: 'gup/forced-copy',
  oracle: 'DATA',
  hardness: 'E',
  params: { pin: 0, share: 0, touch: 0, fork: 0, unmap: 0, protect: 0 },
})
