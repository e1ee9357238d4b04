import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'bit-unlock-relaxed',
  title: 'a lock of one bit is released by a store that may come too early',
  story: `Where only the holder writes to the word of a bit lock, it is unlocked by a load and a store in the place of an
    atomic operation. The store must be a release: what was done under the lock is seen before it. The mutant stores
    it relaxed, and the next holder finds the first of two words changed and the second as it was. JavaScript has no
    such store: it takes the store buffers of torture explore --memory-model pso.`,
  source: 'the rule of __clear_bit_unlock: Linux, Documentation/atomic_bitops.txt',
  scenarios: ['bitops'],
  site: 'bitops/unlock',
  oracle: 'CNT',
  hardness: 'X',
  memoryModel: 'pso',
})
