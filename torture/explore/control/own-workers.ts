/**
 * Workers that the program starts itself take no turns: what they do is not seen, and a thread that waits for one looks
 * like a thread that waits for nobody. So it is noticed that there are any, in whatever way the class is imported.
 */
import { createRequire, syncBuiltinESMExports } from 'node:module'
import type * as WorkerThreads from 'node:worker_threads'

/** Calls `started` whenever this thread starts a worker. To be called before any code of the program is imported. */
export function noticeWorkers(started: () => void): void {
  const threads = createRequire(import.meta.url)('node:worker_threads') as { Worker: typeof WorkerThreads.Worker }
  threads.Worker = new Proxy(threads.Worker, {
    construct: (target, args, newTarget) => {
      started()
      return Reflect.construct(target, args, newTarget)
    },
  })
  syncBuiltinESMExports()
}
