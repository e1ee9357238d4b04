import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'vma-put-mm-freed',
  title: 'the last reader of a VMA wakes the writer of an address space that is gone',
  story: `A walks to a VMA; before A counts it, it is freed and becomes one of address space B. A counts it, finds it foreign, and
    gives the count back. B's writer has begun to wait for A meanwhile; it finds the count free without having slept,
    goes on, B ends, and its struct is freed. Then A, which was the last reader, looks into the struct for a writer to
    wake. So A keeps the struct of B before it gives the count back. The mutant does not.`,
  source: 'Linux commit 9bbffee67ffd (2025), CVE-2025-38554',
  scenarios: ['vma-recycle'],
  site: 'vma-lock/other-mm',
  oracle: 'GEN',
  hardness: 'X',
})
