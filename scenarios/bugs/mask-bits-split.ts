import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'mask-bits-split',
  title: 'flags are cleared, and then set',
  story: `The flags that come from the disk are put into a word by two changes: those of the mask are cleared, and then
    those of the disk are set. Between the two a file that is immutable is not, for whoever looks. And since each
    change is a load and a store, a flag that somebody else sets meanwhile is gone. The fix is one compare-and-swap
    of the whole word.`,
  source: 'Linux, "ext4: atomically set inode->i_flags in ext4_set_inode_flags()" (2014)',
  scenarios: ['i-flags'],
  site: 'cmpxchg-loops/mask-bits',
  oracle: 'DATA',
  hardness: 'E',
})
