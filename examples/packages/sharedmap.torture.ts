/**
 * sharedmap 1.2.0: a hash map with a lock for each line and one for the map.
 *
 *     torture run ./sharedmap.torture.ts --duration 1m
 *     torture explore ./sharedmap.torture.ts
 */
import assert from 'node:assert/strict'
import SharedMap from 'sharedmap'
import { defineScenario } from 'torture'

const keyOf = (thread: number, n: number) => `k${thread}.${n}`

export default defineScenario({
  name: 'sharedmap',
  summary: 'threads set, get and delete keys of their own: each finds what it has set, and the length adds up',
  tags: ['package'],
  params: {
    size: { default: 32, min: 4, max: 1024, describe: 'entries that the map holds, a multiple of 4' },
    keys: { default: 2, min: 1, max: 100, describe: 'keys of each thread' },
    turns: { default: 3, min: 1, max: 100, describe: 'operations of a thread in a round' },
    delete: { default: 1, min: 0, max: 10, describe: 'weight of deleting a key, of setting and getting it: 2 each' },
  },
  setup: ({ params }) => ({ map: new SharedMap(params.size, 8, 8) }),
  threads: {
    user: {
      count: 2,
      // What arrives is the map's memory; its class comes back with the prototype.
      open: ({ shared }) => Object.setPrototypeOf({ ...shared.map }, SharedMap.prototype),
      run: ({ local: map, params, random, index, fail }) => {
        const own = new Map<string, string>()
        for (let turn = 0; turn < params.turns; turn++) {
          const key = keyOf(index, random.below(params.keys))
          const draw = random.below(4 + params.delete)
          if (draw < 2) {
            map.set(key, String(turn))
            own.set(key, String(turn))
          } else if (draw >= 4 && own.delete(key)) map.delete(key)
          const found = map.get(key)
          if (found !== own.get(key)) fail(`${key} holds ${found}, and ${own.get(key)} was set`)
        }
        return own.size
      },
    },
  },
  check: ({ shared, threads: { user = [] } }) => {
    const map = Object.setPrototypeOf({ ...shared.map }, SharedMap.prototype)
    assert.equal(
      map.length,
      user.reduce((sum, n) => sum + n, 0),
      'the length is the number of keys set',
    )
  },
})
