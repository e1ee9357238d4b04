import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'seqlock-retry-relaxed',
  title: "a seqlock's reader looks for writers before it reads",
  story: `The look at the sequence at the end of a read must not be earlier than the reads before it: the kernel has a
    read barrier there. The mutant's look is relaxed. The reader reads, and finds the sequence as it was before a
    writer whose store it has read. It takes torture explore --memory-model pso.`,
  source:
    'Boehm, Can Seqlocks Get Along with Programming Language Memory Models?, MSPC 2012; smp_rmb() in read_seqretry() of Linux',
  scenarios: ['lock-seqlock'],
  site: 'seqlock/read',
  oracle: 'DATA',
  hardness: 'X',
  memoryModel: 'pso',
  params: { locks: 1, nested: 0, trylocks: 0, hold: 0 },
})
