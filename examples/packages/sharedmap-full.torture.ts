/**
 * sharedmap 1.2.0, full: whoever sets a key that is there leaves its line locked, and waits for it for ever. No second
 * thread is needed.
 *
 *     torture run ./sharedmap-full.torture.ts
 */
import SharedMap from 'sharedmap'
import { defineScenario } from 'torture'

const SIZE = 4

export default defineScenario({
  name: 'sharedmap-full',
  summary: 'a key of a full map is set again',
  tags: ['package'],
  setup: () => {
    const map = new SharedMap(SIZE, 8, 8)
    for (let n = 0; n < SIZE; n++) map.set(`k${n}`, 'a')
    return { map }
  },
  threads: {
    user: {
      count: 2,
      open: ({ shared }) => Object.setPrototypeOf({ ...shared.map }, SharedMap.prototype),
      run: ({ local: map, index }) => {
        map.set(`k${index}`, 'b')
      },
    },
  },
})
