/**
 * @bnaya/objectbuffer 0.10.1: objects in one buffer, with a lock that its users take around what they do.
 *
 *     torture run ./objectbuffer.torture.ts --duration 1m
 *     torture explore ./objectbuffer.torture.ts
 */
import assert from 'node:assert/strict'
import {
  acquireLock,
  acquireLockWait,
  createObjectBuffer,
  getUnderlyingArrayBuffer,
  loadObjectBuffer,
  releaseLock,
} from '@bnaya/objectbuffer'
import { defineScenario } from 'torture'

const ARGS = {
  textEncoder: new TextEncoder(),
  textDecoder: new TextDecoder(),
  arrayAdditionalAllocation: 4,
}

export default defineScenario({
  name: 'objectbuffer',
  summary: 'additions to a number in an object under its lock: none is lost',
  tags: ['package'],
  params: { adds: { default: 2, min: 1, max: 100, describe: 'additions of each thread' } },
  setup: () => ({
    memory: getUnderlyingArrayBuffer(
      createObjectBuffer(ARGS, 4096, { sum: 0 }, { useSharedArrayBuffer: true }),
    ) as SharedArrayBuffer,
  }),
  threads: {
    adder: {
      count: 2,
      open: ({ shared }) => loadObjectBuffer<{ sum: number }>(ARGS, shared.memory),
      run: ({ local: object, params, thread }) => {
        const agent = thread + 1
        for (let n = 0; n < params.adds; n++) {
          while (!acquireLock(agent, object)) if (acquireLockWait(agent, object, 1000) === 'have-lock') break
          object.sum++
          if (!releaseLock(agent, object)) throw new Error('the lock was somebody else’s')
        }
      },
    },
  },
  check: ({ shared, params, threads: { adder = [] } }) => {
    assert.equal(loadObjectBuffer<{ sum: number }>(ARGS, shared.memory).sum, params.adds * adder.length)
  },
})
