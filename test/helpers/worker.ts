/** The worker's side of `threads.ts`: one body of a scenario, once. Does nothing on the main thread. */
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { configureSites, ENTRY_WORDS, MAX_SITES, siteNames } from '../../lib/shm/sites.ts'
import { noRecorder } from '../../torture/guest/history/recorder.ts'
import type { Random, Scenario } from '../../torture/scenario.ts'
import type { Failure, Report, Task } from './threads.ts'

export function work(scenario: Scenario): void {
  if (isMainThread) return
  const task: Task = workerData.task
  const random = xorshift(task.seed)
  const hits = new Int32Array(MAX_SITES)
  configureSites({
    hits,
    ring: new Int32Array(ENTRY_WORDS * 64),
    cursor: new Int32Array(1),
    delayEvery: task.delayEvery,
    delay: () => lose(random.below(100)),
    below: bound => random.below(bound),
  })
  const failures: Failure[] = []
  const near: string[] = []
  const counters: Record<string, number> = {}
  const body = scenario.threads[task.body]
  const context = { ...task, random }
  let returned: unknown
  try {
    const local = body.open?.(context)
    Atomics.add(task.control, 0, 1)
    while (Atomics.load(task.control, 0) < task.gate) Atomics.wait(task.control, 0, -1, 0)
    returned = body.run({
      ...context,
      local,
      more: () => Atomics.load(task.control, 1) === 0,
      fail: (message, details) => failures.push({ oracle: 'fail', message, details }),
      count: (name, n = 1) => {
        counters[name] = (counters[name] ?? 0) + n
      },
      near: message => near.push(message),
      ...noRecorder,
    })
  } catch (error) {
    const { oracle = 'error', message, stack, details } = error as Failure & Error
    failures.push({ oracle, message: oracle === 'error' ? (stack ?? message) : message, details })
  }
  const named: Record<string, number> = {}
  for (const [n, name] of siteNames().entries()) named[name] = hits[n]
  const report: Report = { returned, failures, counters, near: near.slice(0, 10), hits: named }
  parentPort?.postMessage(report)
}

function lose(micros: number): void {
  const until = performance.now() + micros / 1000
  while (performance.now() < until);
}

function xorshift(seed: number): Random {
  let x = Math.imul(seed + 1, 0x9e3779b1) | 1
  const int32 = (): number => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return x
  }
  for (let n = 0; n < 8; n++) int32()
  const below = (bound: number): number => (int32() >>> 0) % bound
  return { int32, below, oneIn: n => below(n) === 0 }
}
