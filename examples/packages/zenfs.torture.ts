/**
 * @zenfs/core 2.7.6: the file system in one buffer, `SingleBuffer`, whose metadata blocks have a lock.
 *
 * `lock()` waits until it sees the lock free and then stores that it is taken: two threads can do that at once. Besides,
 * `set()` chooses a free entry before it takes the lock. Both threads write the same entry, and what one of them has set
 * is lost.
 *
 *     torture run ./zenfs.torture.ts
 *     torture explore ./zenfs.torture.ts
 */
import { SingleBufferStore } from '@zenfs/core'
import { defineScenario } from 'torture'

const BYTES = 1 << 16

export default defineScenario({
  name: 'zenfs-single-buffer',
  summary: 'two threads set entries of their own, and each finds its own',
  tags: ['package'],
  setup: () => {
    const buffer = new SharedArrayBuffer(BYTES)
    new SingleBufferStore(buffer)
    return { buffer }
  },
  threads: {
    writer: {
      count: 2,
      open: ({ shared }) => new SingleBufferStore(shared.buffer),
      run: ({ local: store, index }) => {
        store.set(index + 1, Uint8Array.of(index + 1))
      },
    },
  },
  check: ({ shared, threads: { writer = [] } }) => {
    const store = new SingleBufferStore(shared.buffer)
    for (const [index] of writer.entries()) {
      const found = store.get(index + 1)
      if (found?.[0] !== index + 1) throw new Error(`entry ${index + 1} holds ${found}, and ${index + 1} was set`)
    }
  },
})
