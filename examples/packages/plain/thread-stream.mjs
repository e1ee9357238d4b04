/**
 * The load of `thread-stream.torture.ts` in plain Node: how long does a flush take at most? Each wait of thread-stream
 * has a time-out of 10 s; see `waitasync-timeouts.mjs` for what that costs ten seconds later.
 *
 *     node plain/thread-stream.mjs 40
 */
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import ThreadStream from 'thread-stream'

const SECONDS = Number(process.argv[2] ?? 40)
const LINES = 300

const counts = new Int32Array(new SharedArrayBuffer(8))
const filename = fileURLToPath(new URL('../workers/count-lines.mjs', import.meta.url))
const stream = new ThreadStream({ filename, workerData: { counts }, bufferSize: 256 })
await once(stream, 'ready')
const flush = promisify(stream.flush.bind(stream))
const began = performance.now()
let longest = 0
let rounds = 0
for (; performance.now() - began < SECONDS * 1000; rounds++) {
  const before = performance.now()
  counts.fill(0)
  for (let line = 1; line <= LINES; line++) if (!stream.write(`${line}\n`)) await once(stream, 'drain')
  await flush()
  const took = performance.now() - before
  if (took > 1000)
    console.log(`round ${rounds}, ${((before - began) / 1000).toFixed(0)} s: ${(took / 1000).toFixed(1)} s`)
  longest = Math.max(longest, took)
}
console.log(`${process.version}: ${rounds} rounds, the longest took ${(longest / 1000).toFixed(1)} s`)
process.exit(longest > 1000 ? 1 : 0)
