/**
 * What an emitted test is carried out by, in place of a guest: its main thread starts workers of the same file, and they
 * do the one schedule with the very code that found it.
 */
import { workerData } from 'node:worker_threads'
import type { PlannedInstance } from '../../../results/schema.ts'
import type { FromThread, Stay } from '../../guest/messages.ts'
import type { Scenario } from '../../scenario.ts'
import type { ExploredFault } from '../control/fault-box.ts'
import { type Lead, takePart } from '../part.ts'
import { ENDING } from '../schedule/board.ts'
import { parseSchedule } from '../schedule/schedule.ts'
import { Replay } from '../strategies/replay.ts'
import { errorOf, host } from './host.ts'

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

const replay = async ({ file, instance }: Emitted, signal: AbortSignal): Promise<Replayed> =>
  resultOf(await host({ file: new URL(file), instance: planned(instance), signal }, isTold))

const isTold = (message: FromThread | Told): message is Told => message.type === 'replayed'

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
