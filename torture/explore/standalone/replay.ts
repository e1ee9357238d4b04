/**
 * What an emitted test is carried out by, in place of a guest: its main thread starts workers of the same file, and they
 * do the one schedule with the very code that found it.
 */
import { MessageChannel, type MessagePort, Worker, workerData } from 'node:worker_threads'
import type { PlannedInstance } from '../../../results/schema.ts'
import { makeControl } from '../../guest/control.ts'
import { historyMemory } from '../../guest/history-memory.ts'
import { seatsOf } from '../../guest/load.ts'
import type { FailureMessage, FromThread, ReadyMessage, SharedMessage, Stay } from '../../guest/messages.ts'
import { buffersOf } from '../../guest/shared.ts'
import { valueBytes } from '../../guest/values.ts'
import type { Scenario } from '../../scenario.ts'
import { ENDING } from '../board.ts'
import type { ExploredFault } from '../fault-box.ts'
import { explorerMemory } from '../memory.ts'
import { type Lead, takePart } from '../part.ts'
import { parseSchedule } from '../schedule.ts'
import { Replay } from '../strategies/replay.ts'

/** What a replay needs to know of its instance. */
export type EmittedInstance = Pick<PlannedInstance, 'name' | 'scenario' | 'seed' | 'params' | 'threads' | 'bugs'> & {
  readonly explore: Pick<NonNullable<PlannedInstance['explore']>, 'ops' | 'memoryModel'>
}

export interface Emitted {
  /** URL of the test itself. */
  readonly file: string
  readonly schedule: string
  readonly instance: EmittedInstance
  /** Imports the scenario: not before the thread has been prepared. */
  readonly load: () => Promise<{ readonly default: Scenario }>
  /** Says what is to be tested; called in the main thread only. */
  readonly define: (replay: (signal: AbortSignal) => Promise<Replayed>) => void
}

export interface Replayed {
  readonly failure?: Error
  /** From which step on the schedule does not fit the code any more. */
  readonly remark?: string
}

/** From thread 0 when it is done. */
interface Told {
  readonly type: 'replayed'
  readonly fault?: ExploredFault
  readonly remark?: string
}

/** Decides what this thread is: the one that tests, or one of those that carry the schedule out. */
export function standalone(emitted: Emitted): void {
  const stay = (workerData as { torture?: { stay?: Stay } } | null)?.torture?.stay
  if (stay === undefined) emitted.define(signal => replay(emitted, signal))
  else void carryOut(stay, emitted)
}

/** @throws Error where a worker dies, or the scenario cannot be loaded or set up */
async function replay({ file, instance: given }: Emitted, signal: AbortSignal): Promise<Replayed> {
  const instance = planned(given)
  const threads = seatsOf(instance.threads).length
  const control = makeControl(threads)
  const toFirst = Array.from({ length: threads }, (_, n) => (n === 0 ? undefined : new MessageChannel()))
  const ports: MessagePort[] = []
  const workers: Worker[] = []
  try {
    return await new Promise<Replayed>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
      for (let thread = 0; thread < threads; thread++) {
        const { port1, port2: port } = new MessageChannel()
        const mouth = toFirst[thread]?.port1
        const fromOthers = thread === 0 ? toFirst.map(channel => channel?.port2) : []
        const stay: Stay = {
          thread,
          instance,
          control,
          port,
          fromOthers,
          availableCpus: 1,
          ...(mouth && { toFirst: mouth }),
        }
        const worker = new Worker(new URL(file), {
          workerData: { torture: { bugs: instance.bugs, stay } },
          transferList: [port, ...fromOthers.filter(end => end !== undefined), ...(mouth ? [mouth] : [])],
        })
        port1.on('message', (message: FromThread | Told) => {
          if (message.type === 'ready') share(message, ports)
          else if (message.type === 'replayed') resolve(resultOf(message))
          else if (message.type === 'failure') reject(errorOf(message))
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

/** Hands what `setup` returned to all threads. */
function share({ shared, history }: ReadyMessage, ports: readonly MessagePort[]): void {
  const buffers = buffersOf(shared)
  const message: SharedMessage = {
    type: 'shared',
    shared,
    copies: [buffers],
    values: new SharedArrayBuffer(valueBytes(1, ports.length)),
    ...(history && { history: historyMemory(1, ports.length, history.calls) }),
    explorer: explorerMemory(ports.length, buffers),
  }
  for (const port of ports) port.postMessage(message)
}

const carryOut = (stay: Stay, { schedule, load }: Emitted): Promise<void> =>
  takePart(stay, {
    load: async () => (await load()).default,
    strategies: (board, memory) => {
      const replay = new Replay(board.scratch(0), new Int32Array(memory.wanted))
      return { all: [replay], replay }
    },
    lead: tools => lead(tools, schedule),
  })

/** Strictly first; on code that has changed, as far as it fits, and then without switches. */
async function lead({ execution, strategies, names, stay }: Lead<{ all: Replay[]; replay: Replay }>, text: string) {
  const { threads } = execution.board
  const { round, actors, ops } = parseSchedule(text, threads)
  const times = ops ?? new Array<number>(threads).fill(stay.instance.explore!.ops)
  const run = async (strict: boolean) => {
    strategies.replay.set(actors, { strict })
    return (await execution.run({ strategy: 0, execution: 0, round, ops: times, burstOneIn: 0, focused: false }))!
  }
  const exact = await run(true)
  if (exact.ending !== ENDING.misfit) return told(exact.fault)
  const at = strategies.replay.misfitAt
  const name = names.threads[actors[at] % threads]
  const loose = await run(false)
  return told(
    loose.fault,
    `from step ${at} on the schedule does not fit the code any more: ${name} could not go on. What fits of it was carried out, which says little: explore the changed code`,
  )
}

const told = (fault?: ExploredFault, remark?: string): Told => ({
  type: 'replayed',
  ...(fault && { fault }),
  ...(remark && { remark }),
})

const resultOf = ({ fault, remark }: Told): Replayed => ({
  ...(fault && { failure: errorOf(fault) }),
  ...(remark && { remark }),
})

function errorOf({ oracle, thread, message, details, stack }: ExploredFault | FailureMessage): Error {
  const error = new Error(oracle === thread ? `${oracle}: ${message}` : `${oracle} in ${thread}: ${message}`)
  const frames = stack?.split('\n').filter(line => /^\s+at /.test(line)) ?? []
  error.stack = [`Error: ${error.message}`, ...frames].join('\n')
  return details === undefined ? error : Object.assign(error, { details })
}

/** With everything else that is said of an instance, and that nobody asks for here. */
const planned = (given: EmittedInstance): PlannedInstance => ({
  ...given,
  module: '',
  mode: 'explore',
  explore: { strategy: 'portfolio', executions: 0, focus: [], ...given.explore },
  jitter: 'off',
  durationMs: 0,
  hangAfterMs: 0,
  maxMemory: 0,
  keepGoing: false,
  cpus: 1,
  oversubscribed: false,
})
