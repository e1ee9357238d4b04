/**
 * ringbuf.js 0.4.0: a ring for one producer and one consumer, made for audio.
 *
 *     torture run ./ringbuf.torture.ts --duration 1m
 *     torture explore ./ringbuf.torture.ts
 */
import assert from 'node:assert/strict'
import { RingBuffer } from 'ringbuf.js'
import { defineScenario } from 'torture'

export default defineScenario({
  name: 'ringbuf',
  summary: 'what one thread pushes the other pops: all of it, once, in order',
  tags: ['package'],
  params: {
    capacity: { default: 3, min: 1, max: 1000, describe: 'elements that the ring holds' },
    elements: { default: 6, min: 1, max: 1000, describe: 'elements pushed in a round' },
  },
  setup: ({ params }) => ({ ring: RingBuffer.getStorageForCapacity(params.capacity, Int32Array) as SharedArrayBuffer }),
  threads: {
    producer: {
      open: ({ shared }) => new RingBuffer(shared.ring, Int32Array),
      run: ({ local: ring, params, random }) => {
        for (let next = 1; next <= params.elements; ) {
          const count = Math.min(1 + random.below(3), params.elements - next + 1)
          next += ring.push(Int32Array.from({ length: count }, (_, i) => next + i))
        }
      },
    },
    consumer: {
      open: ({ shared }) => new RingBuffer(shared.ring, Int32Array),
      run: ({ local: ring, params, random, fail }) => {
        for (let last = 0; last < params.elements; ) {
          const batch = new Int32Array(1 + random.below(3))
          const count = ring.pop(batch)
          for (let i = 0; i < count; i++) {
            if (batch[i] !== last + 1) fail(`${batch[i]} was popped after ${last}`)
            last = batch[i]
          }
        }
      },
    },
  },
  check: ({ shared }) => assert.ok(new RingBuffer(shared.ring, Int32Array).empty(), 'nothing is left in the ring'),
})
