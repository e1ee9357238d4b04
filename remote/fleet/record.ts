/**
 * What a run's folder says of its fleet: `fleet.json`, which hosts it has and what the run is called there, and in
 * `events.jsonl` each attempt that was given to one. A driver that comes after finds by it what still runs out there.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { readBounded, replaceJson, StoreError } from '../../results/files.ts'
import { FOLDER_NAME } from '../../results/names.ts'
import type { HostSpec } from '../carrier.ts'
import { hostsFile } from '../hosts.ts'
import type { Attempt } from './schedule.ts'

export const FLEET_FILE = 'fleet.json'
const SCHEMA = 1
const LARGEST = 1 << 24

const record = v.object({
  schema: v.literal(SCHEMA),
  /** The run on a host: two drivers may give two runs the same id. */
  key: v.pipe(v.string(), v.regex(FOLDER_NAME)),
  /** Counts the drivers of the run, so that no id of an attempt is used twice. */
  session: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  hosts: hostsFile.entries.hosts,
  sshConfig: v.exactOptional(v.string()),
})

export interface FleetRecord {
  readonly key: string
  readonly session: number
  readonly hosts: readonly HostSpec[]
  readonly sshConfig?: string | undefined
}

export function writeFleet(runDir: string, { key, session, hosts, sshConfig }: FleetRecord): void {
  replaceJson(join(runDir, FLEET_FILE), {
    schema: SCHEMA,
    key,
    session,
    hosts,
    ...(sshConfig !== undefined && { sshConfig }),
  })
}

/**
 * Undefined for a run without a fleet.
 * @throws StoreError where it is damaged
 */
export function readFleet(runDir: string): FleetRecord | undefined {
  const path = join(runDir, FLEET_FILE)
  const text = readBounded(path, LARGEST)
  if (text === undefined) return undefined
  try {
    return v.parse(record, JSON.parse(text)) as FleetRecord
  } catch (error) {
    throw new StoreError('damaged', `${path} is damaged: name the hosts again with --hosts`, { cause: error })
  }
}

/** The attempts of a run so far, and of which the end was seen. A line that was torn is skipped. */
export function readAttempts(runDir: string): (Attempt & { readonly over: boolean })[] {
  const attempts = new Map<string, Attempt & { over: boolean }>()
  for (const line of readFileSync(join(runDir, 'events.jsonl'), 'utf8').split('\n')) {
    if (!line.includes('"attempt"')) continue
    const event = parse(line)
    if (event === undefined) continue
    const { type, attempt: id, instance: key, host } = event
    if (type === 'assigned') attempts.set(id, { id, key, host, over: false })
    const known = attempts.get(id)
    if (type === 'over' && known !== undefined) known.over = true
  }
  return [...attempts.values()]
}

const event = v.object({ type: v.string(), attempt: v.string(), instance: v.string(), host: v.string() })

function parse(line: string): v.InferOutput<typeof event> | undefined {
  try {
    return v.parse(event, JSON.parse(line))
  } catch {
    // Torn, or of another kind.
    return undefined
  }
}
