/**
 * What a guest's main thread does for an exploration, where there is no guest: starts the threads, all of the same file,
 * and has them share what `setup` returned.
 */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import type { PlannedInstance } from '../../../results/schema.ts'
import { makeControl } from '../../guest/control.ts'
import { seatsOf } from '../../guest/load.ts'
import type { FailureMessage, FromThread, Stay } from '../../guest/messages.ts'
import { sharedBy } from '../../guest/sharing.ts'
import type { ExploredFault } from '../control/fault-box.ts'
import { explorerMemory } from '../memory.ts'

export interface Hosted {
  /** Of the threads, which find their `stay` in `workerData.torture`. */
  readonly file: URL
  readonly instance: PlannedInstance
  /** What else they find in `workerData`. */
  readonly data?: object
  readonly signal?: AbortSignal
}

/**
 * @param isTold whether a message is what thread 0 says in the end
 * @returns that message
 * @throws Error where a thread dies, or the scenario cannot be loaded or set up
 */
export async function host<T extends object>(
  { file, instance, data, signal }: Hosted,
  isTold: (message: FromThread | T) => message is T,
): Promise<T> {
  const threads = seatsOf(instance.threads).length
  const control = makeControl(threads)
  const explorer = explorerMemory(threads)
  const toFirst = Array.from({ length: threads }, (_, n) => (n === 0 ? undefined : new MessageChannel()))
  const ports: MessagePort[] = []
  const workers: Worker[] = []
  try {
    return await new Promise<T>((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason))
      for (let thread = 0; thread < threads; thread++) {
        const { port1, port2: port } = new MessageChannel()
        const mouth = toFirst[thread]?.port1
        const fromOthers = thread === 0 ? toFirst.map(channel => channel?.port2) : []
        const given: Stay = { thread, instance, control, port, fromOthers, availableCpus: 1, explorer }
        const stay: Stay = mouth === undefined ? given : { ...given, toFirst: mouth }
        const worker = new Worker(file, {
          workerData: { ...data, torture: { bugs: instance.bugs, stay } },
          transferList: [port, ...fromOthers.filter(end => end !== undefined), ...(mouth ? [mouth] : [])],
        })
        port1.on('message', (message: FromThread | T) => {
          if (isTold(message)) resolve(message)
          else if (message.type === 'ready') {
            const shared = sharedBy(message, threads, 'explore')
            for (const other of ports) other.postMessage(shared)
          } else if (message.type === 'failure') reject(errorOf(message))
        })
        worker.on('error', reject)
        worker.on('exit', status => reject(new Error(`a thread ended with status ${status} before the schedule did`)))
        ports.push(port1)
        workers.push(worker)
      }
    })
  } finally {
    for (const port of ports) port.close()
    await Promise.all(workers.map(worker => worker.terminate()))
  }
}

/** A failure as what a test runner shows: with the frames of the thread in which it happened. */
export function errorOf({ oracle, thread, message, details, stack }: ExploredFault | FailureMessage): Error {
  const error = new Error(oracle === thread ? `${oracle}: ${message}` : `${oracle} in ${thread}: ${message}`)
  const frames = stack?.split('\n').filter(line => /^\s+at /.test(line)) ?? []
  error.stack = [`Error: ${error.message}`, ...frames].join('\n')
  return details === undefined ? error : Object.assign(error, { details })
}
