/**
 * thread-stream 4.2.1: a stream that is written in one thread and consumed in another, over shared memory; what the
 * logger pino writes through. The consuming worker is not under control: `torture run` only.
 *
 * Every wait of it has a time-out of 10 s, and Node keeps the time-outs of waits that are over: after ten seconds of
 * this traffic the stream stands still for longer than a hang takes. `plain/thread-stream.mjs` shows it without torture.
 *
 *     torture run ./thread-stream.torture.ts --duration 40s
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import ThreadStream from 'thread-stream'
import { defineScenario } from 'torture'

const TARGET = fileURLToPath(new URL('./workers/count-lines.mjs', import.meta.url))

/** One that waits for room in `write`, and one that says when there is some. A round is too short to start a worker. */
let streams: { readonly waiting: ThreadStream; readonly telling: ThreadStream } | undefined

export default defineScenario({
  name: 'thread-stream',
  summary: 'every line that is written arrives, once, in order, and before its flush is over',
  tags: ['package'],
  params: {
    lines: { default: 300, min: 1, max: 1000000, describe: 'lines of a round' },
    buffer: { default: 256, min: 64, max: 1 << 24, describe: 'bytes of shared memory between the two' },
  },
  setup: () => ({ counts: new Int32Array(new SharedArrayBuffer(8)) }),
  threads: {
    writer: {
      open: ({ shared: { counts }, params }) => {
        const stream = (sync: boolean) =>
          new ThreadStream({ filename: TARGET, workerData: { counts }, bufferSize: params.buffer, sync })
        streams ??= { waiting: stream(true), telling: stream(false) }
        return streams
      },
      run: async ({ local, params, random }) => {
        const stream = random.oneIn(2) ? local.waiting : local.telling
        if (!stream.ready) await once(stream, 'ready')
        for (let line = 1; line <= params.lines; line++) if (!stream.write(`${line}\n`)) await once(stream, 'drain')
        await promisify(stream.flush.bind(stream))()
      },
    },
  },
  check: ({ shared: { counts }, params }) => {
    assert.equal(Atomics.load(counts, 1), 0, 'the first line out of order')
    assert.equal(Atomics.load(counts, 0), params.lines, 'lines that have arrived')
  },
})
