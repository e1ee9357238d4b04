import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'seqlock-no-retry',
  title: "a seqlock's reader does not ask whether a writer came in between",
  story: `A reader of a seqlock reads, and asks whether a writer came in between. The mutant does not ask, and believes
    what it has read: half of a write.`,
  source: 'the rule of include/linux/seqlock.h: nothing that was read is used before read_seqretry()',
  scenarios: ['lock-seqlock'],
  site: 'seqlock/read',
  oracle: 'DATA',
  hardness: 'E',
})
