/**
 * What becomes of the time-outs of `Atomics.waitAsync` when the waits are over? Node keeps each until its time has come,
 * and the price of that grows with the square of their number: meanwhile nothing else runs in the thread. No packages,
 * no torture.
 *
 *     node waitasync-timeouts.mjs 60000
 */
const WAITS = Number(process.argv[2] ?? 60_000)
const TIMEOUT_MS = 3000

const cells = new Int32Array(new SharedArrayBuffer(4))
const began = performance.now()
for (let n = 0; n < WAITS; n++) {
  const { value } = Atomics.waitAsync(cells, 0, 0, TIMEOUT_MS)
  Atomics.notify(cells, 0)
  await value
}
const waited = performance.now() - began

let last = performance.now()
let longest = 0
const looks = setInterval(() => {
  longest = Math.max(longest, performance.now() - last)
  last = performance.now()
}, 20)
setTimeout(() => {
  clearInterval(looks)
  const seconds = ms => `${(ms / 1000).toFixed(1)} s`
  console.log(`${process.version}: ${WAITS} waits, all notified within ${seconds(waited)}`)
  console.log(`later the event loop stood still for ${seconds(longest)}`)
  process.exitCode = longest > 1000 ? 1 : 0
}, TIMEOUT_MS + 2000)
