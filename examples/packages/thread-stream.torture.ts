/**
 * thread-stream 4.2.1: a stream that is written in one thread and consumed in another, over shared memory; what the
 * logger pino writes through. Every round has a stream and a worker of its own, which is not under control: `torture run`
 * only.
 *
 *     torture run ./thread-stream.torture.ts --duration 1m
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import ThreadStream from 'thread-stream'
import { defineScenario } from 'torture'

const TARGET = fileURLToPath(new URL('./workers/count-lines.mjs', import.meta.url))

export default defineScenario({
  name: 'thread-stream',
  summary: 'every line that is written arrives, once, in order',
  tags: ['package'],
  params: {
    lines: { default: 2000, min: 1, max: 1000000, describe: 'lines of a round' },
    buffer: { default: 4096, min: 64, max: 1 << 24, describe: 'bytes of shared memory between the two' },
  },
  setup: () => ({ counts: new Int32Array(new SharedArrayBuffer(8)) }),
  threads: {
    writer: {
      run: async ({ shared: { counts }, params, random }) => {
        const stream = new ThreadStream({
          filename: TARGET,
          workerData: { counts },
          bufferSize: params.buffer,
          sync: random.oneIn(2),
        })
        await once(stream, 'ready')
        for (let line = 1; line <= params.lines; line++) if (!stream.write(`${line}\n`)) await once(stream, 'drain')
        const closed = once(stream, 'close')
        stream.end()
        await closed
      },
    },
  },
  check: ({ shared: { counts }, params }) => {
    assert.equal(Atomics.load(counts, 1), 0, 'the first line out of order')
    assert.equal(Atomics.load(counts, 0), params.lines, 'lines that have arrived')
  },
})
