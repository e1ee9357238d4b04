import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'lazy-tlb-no-gen-check',
  title: 'a CPU comes back from kernel work to translations that are dead',
  story: `A CPU that does kernel work keeps the address space of the thread before it loaded, and is left out when others flush:
    it does not use the translations. When a thread of the same address space goes on there, it compares tlb_gen, which
    every flush that left lazy CPUs out has moved on, with the one at which the TLB was last empty, and flushes if they
    differ. The mutant does not.`,
  source: 'the rule of Linux, arch/x86/mm/tlb.c, switch_mm_irqs_off(), since commit 145f573b89a6 (2018)',
  scenarios: ['exit-reap'],
  site: 'task/lazy-behind',
  oracle: ['TLB', 'FREE', 'DATA', 'SNAP'],
  hardness: 'E',
  params: {
    children: 1,
    pages: 4,
    shared: 1,
    use: 4,
    kernel: 10,
    spins: 300,
    fork: 0,
    exit: 0,
    protect: 0,
    drop: 3,
    remap: 0,
    pace: 1000000,
  },
})
