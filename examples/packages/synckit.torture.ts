/**
 * synckit 0.12.3: asynchronous functions called synchronously. Every thread has a worker of synckit's beside it, which is
 * not under control: `torture run` only.
 *
 *     torture run ./synckit.torture.ts --duration 1m
 */
import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { createSyncFn } from 'synckit'
import { defineScenario } from 'torture'

const WORKER = fileURLToPath(new URL('./workers/negate-synckit.mjs', import.meta.url))

/** One worker for all rounds of a thread. */
let ask: ((value: number) => number) | undefined

export default defineScenario({
  name: 'synckit',
  summary: 'every call gets its own answer, or its own error',
  tags: ['package'],
  params: { calls: { default: 20, min: 1, max: 10000, describe: 'calls of each thread in a round' } },
  setup: () => ({ calls: new Int32Array(new SharedArrayBuffer(4)) }),
  threads: {
    caller: {
      count: 2,
      open: () => {
        ask ??= createSyncFn(WORKER)
        return ask
      },
      run: ({ local: call, shared: { calls }, params, thread }) => {
        for (let n = 1; n <= params.calls; n++) {
          const value = n * 10 + thread
          if (value % 7 === 0) assert.throws(() => call(value), /seven/)
          else assert.equal(call(value), -value)
          Atomics.add(calls, 0, 1)
        }
      },
    },
  },
})
