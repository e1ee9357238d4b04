import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'bit-set-nonatomic',
  title: 'a bit is set by load and store in a word that others change',
  story: `A loads the word to set its bit. B sets, clears or locks another bit of the same word by an atomic operation. A
    stores what it had loaded, with its bit: what B did is undone. That B was atomic does not help, all have to be.
    __set_bit is for words that nobody else can reach yet, or that one thread writes to. The mutant of set_bit does
    as __set_bit does.`,
  source:
    'ext4 in Linux 2.6.3x (2010): inode bitmaps damaged by atomic beside non-atomic bit operations, as told by xfstests',
  scenarios: ['bitops', 'page-flags'],
  site: 'bitops/set',
  oracle: ['DATA', 'CNT', 'HANG'],
  hardness: 'E',
})
