/** One attempt from the start of its guest until all that it left can be fetched. */
import { statfsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type AgentMessage, type Ending, LONGEST_LINE } from '../../remote/protocol.ts'
import type { GuestEvent, PlannedInstance } from '../../results/schema.ts'
import type { Bundle } from '../bundle/manifest.ts'
import { type GuestProcess, startGuest } from '../runner/guest-process.ts'
import type { Attempt } from './attempt.ts'

/** Whoever kills a guest may be killing all of ours: what we say next should not be that it crashed. */
const AFTER_KILL_MS = 1000
const KILLS: readonly (string | undefined)[] = ['SIGKILL', 'SIGTERM']
/** With less than this a guest's end says more of the disk than of the scenario. */
const FULL_BYTES = 1 << 20

/** Begins when the agent does: the first guest does not wait for it. */
const loaded = import('execa')

type Stats = NonNullable<Ending['stats']>

export interface Surroundings {
  readonly bundle: Bundle
  /** The CPU that an explorer is kept on. */
  readonly cpu: number | undefined
  readonly say: (message: AgentMessage) => void
  /** Whether anybody still wants it. */
  readonly wanted: () => boolean
}

/** @throws where the host could not do it, for a reason that does not lie in the instance */
export async function carryOut(attempt: Attempt, instance: PlannedInstance, around: Surroundings): Promise<void> {
  const { bundle, cpu, say, wanted } = around
  const { execa } = await loaded
  // Dropped before it had begun.
  if (!wanted()) return
  let stats: Stats | undefined
  const hear = (event: GuestEvent) => {
    if (event.type === 'stats') stats = { rounds: event.rounds, counters: event.counters, cpuMs: event.cpuMs }
    const passed = passedOn(event)
    if (passed !== undefined) say({ type: 'event', attempt: attempt.id, event: passed })
  }
  const guest = startGuest(execa, bundle, attempt.folder, instance, hear, cpu)
  attempt.begin(guest)
  say({ type: 'started', attempt: attempt.id })
  const ending = { ...(await endOf(guest)), ...(stats !== undefined && { stats }) }
  if (KILLS.includes(ending.signal) && !ending.timedOut) await sleep(AFTER_KILL_MS)
  if (!wanted()) return
  if (isFull(attempt.folder)) throw new Error('the disk is full')
  await attempt.end(ending)
}

/** What a guest says is told at once; its end is told when all that it left can be fetched. */
function passedOn(event: GuestEvent): Exclude<GuestEvent, { type: 'end' }> | undefined {
  if (event.type === 'end') return undefined
  if (JSON.stringify(event).length < LONGEST_LINE / 2) return event
  if (event.type !== 'failure') return undefined
  // The file has all of it.
  const { stack: _, details: __, schedule: ___, ...failure } = event.failure
  return { type: 'failure', failure: { ...failure, message: failure.message.slice(0, 1000) } }
}

async function endOf(guest: GuestProcess): Promise<Ending> {
  const { code, signal, startError, timedOut, elapsedMs } = await guest.ended
  return {
    startedAt: guest.startedAt,
    elapsedMs,
    ...(code !== undefined && { code }),
    ...(signal !== undefined && { signal }),
    ...(startError !== undefined && { startError: startError.slice(0, 1000) }),
    ...(timedOut && { timedOut }),
  }
}

function isFull(dir: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dir)
    return bavail * bsize < FULL_BYTES
  } catch {
    // A file system that does not say how much room it has.
    return false
  }
}
