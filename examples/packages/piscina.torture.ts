/**
 * piscina 5.3.2: a pool whose workers sleep on a counter of requests between tasks. Every thread has a pool of its own,
 * whose workers are not under control: `torture run` only.
 *
 *     torture run ./piscina.torture.ts --duration 1m
 */
import assert from 'node:assert/strict'
import { Piscina } from 'piscina'
import { defineScenario } from 'torture'

const TASK = new URL('./workers/negate.mjs', import.meta.url).href

let pool: Piscina | undefined

export default defineScenario({
  name: 'piscina',
  summary: 'every task is done once, and its result or its error comes back',
  tags: ['package'],
  params: {
    tasks: { default: 5, min: 1, max: 10000, describe: 'tasks of a round' },
    workers: { default: 2, min: 1, max: 16, describe: 'workers of a pool' },
  },
  setup: () => ({ done: new Int32Array(new SharedArrayBuffer(4)) }),
  threads: {
    caller: {
      open: ({ params }) => {
        pool ??= new Piscina({
          filename: TASK,
          minThreads: params.workers,
          maxThreads: params.workers,
          concurrentTasksPerWorker: 2,
        })
        return pool
      },
      run: async ({ local, shared: { done }, params }) => {
        const asked = Array.from({ length: params.tasks }, async (_, n) => {
          if (n % 7 === 0) await assert.rejects(local.run(n), /seven/)
          else assert.equal(await local.run(n), -n)
          Atomics.add(done, 0, 1)
        })
        await Promise.all(asked)
      },
    },
  },
  check: ({ shared, params }) => assert.equal(Atomics.load(shared.done, 0), params.tasks, 'tasks done'),
})
