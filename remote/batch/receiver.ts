/**
 * Takes in what the tasks write: their journals, and at the end what their guests left. Nothing of it is believed. A
 * task may be started more than once, also while an old start of it still runs: the first that ends counts.
 */
import { existsSync } from 'node:fs'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { GuestEvent, PlannedInstance } from '../../results/schema.ts'
import type { Collector } from '../fleet/collect.ts'
import type { Attempt } from '../fleet/schedule.ts'
import type { FleetListener } from '../fleet/task.ts'
import { type AgentMessage, type Ending, ProtocolError } from '../protocol.ts'
import { type Arrays, orderId, type Place } from './arrays.ts'
import { fetchArchive, Journal } from './journal.ts'
import type { Ledger } from './ledger.ts'
import type { Nodes } from './nodes.ts'
import { attemptsFolder, nodeOf, parseAttempt, stopFile } from './spool.ts'

/** For all of an archive to be seen. */
const ARCHIVE_MS = 60_000
/** Of one guest, told while it runs: more than any has. */
const MOST_FAILURES = 1000

export interface Desk {
  readonly ledger: Ledger
  readonly listener: FleetListener
  readonly collector: Collector
  readonly arrays: Arrays
  readonly nodes: Nodes
  /** The instance that a job is, as it was planned for its array; undefined: it is not to run any more. */
  readonly instanceOf: (key: string, cpus: number) => PlannedInstance | undefined
  /** It will not be done. */
  readonly lose: (key: string, why: string) => void
  /** Whether nobody is interested any more. */
  readonly closed: () => boolean
}

type Ended = Extract<AgentMessage, { type: 'ended' }>

/** A start of a task. */
interface Start {
  readonly folder: string
  readonly journal: Journal
  readonly key: string
  readonly place: Place
  readonly restart: string
  attempt?: Attempt
  bundle: string
  failures: number
  perished: boolean
  ended?: { readonly message: Ended; readonly since: number }
}

export class Receiver {
  readonly #desk: Desk
  /** By their folders; undefined: nothing more is wanted of it. */
  readonly #starts = new Map<string, Start | undefined>()

  constructor(desk: Desk) {
    this.#desk = desk
  }

  /** Whatever was written since the last time. @throws what the listener throws */
  async receive(): Promise<void> {
    const { arrays, closed } = this.#desk
    for (const [number, { keys }] of arrays.open) {
      for (const name of await namesIn(attemptsFolder(arrays.folder(number)))) {
        const start = this.#startOf(number, keys, name)
        if (start !== undefined) await this.#hear(start)
        if (closed()) return
      }
    }
  }

  /** Asks what runs as this task to come to an orderly end. */
  async askToEnd({ array, index }: Place): Promise<void> {
    const file = stopFile(this.#desk.arrays.folder(array), index)
    if (!existsSync(file)) await writeFile(file, '')
  }

  /** The queue has its task wait again: what had begun is given up for dead, and may come to an end all the same. */
  perished(key: string): void {
    for (const start of this.#starts.values()) {
      if (start?.key !== key || start.attempt === undefined || start.ended !== undefined || start.perished) continue
      start.perished = true
      this.#over(start.attempt, 'perished')
    }
  }

  #startOf(array: number, keys: readonly string[], name: string): Start | undefined {
    const folder = join(attemptsFolder(this.#desk.arrays.folder(array)), name)
    if (this.#starts.has(folder)) return this.#starts.get(folder)
    const { index, restart } = parseAttempt(name) ?? { index: -1, restart: '' }
    const key = keys[index]
    const more = { bundle: '', failures: 0, perished: false }
    const start = { folder, journal: new Journal(folder), key, place: { array, index }, restart, ...more }
    this.#starts.set(folder, key === undefined ? undefined : start)
    return this.#starts.get(folder)
  }

  async #hear(start: Start): Promise<void> {
    const { ledger, lose } = this.#desk
    try {
      for (const message of await start.journal.read()) {
        ledger.alive(performance.now())
        await this.#obey(start, message)
      }
      if (start.ended !== undefined) await this.#fetch(start, start.ended)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.#forget(start, 'refused')
      const { key } = start
      if (ledger.isOpen(key)) lose(key, `what ${start.attempt?.id ?? start.folder} left is refused: ${error.message}`)
    }
  }

  async #obey(start: Start, message: AgentMessage): Promise<void> {
    const { ledger, listener, lose, instanceOf, arrays, nodes } = this.#desk
    if (message.type === 'hello') this.#greet(start, message)
    const { attempt, key } = start
    if (attempt === undefined) throw new ProtocolError(`${message.type} before hello`)
    const { cpus } = arrays.get(start.place.array)
    const instance = ledger.isOpen(key) ? instanceOf(key, cpus) : undefined
    if (instance === undefined) return this.#forsake(start)
    if (message.type === 'hello') return
    if (!('attempt' in message) || message.attempt !== attempt.id)
      throw new ProtocolError('it speaks of another attempt')
    if (message.type === 'started') {
      ledger.begun(key)
      listener.host(nodes.begun(attempt.id, attempt.host, cpus))
      listener.started(attempt, instance)
    } else if (message.type === 'event') {
      checkEvent(start, message.event as GuestEvent, instance)
      listener.heard(attempt, instance, message.event as GuestEvent)
    } else if (message.type === 'refused') {
      this.#forget(start, 'refused')
      lose(key, `${attempt.host} could not run it: ${message.why}`)
    } else if (message.type === 'ended') start.ended = { message, since: performance.now() }
  }

  #greet(start: Start, { bundle, attempts }: Extract<AgentMessage, { type: 'hello' }>): void {
    const { key, place, restart } = start
    const [said] = attempts
    const host = said?.key === key ? nodeOf(said.attempt, orderId(key, place), restart) : undefined
    if (host === undefined || attempts.length !== 1 || start.attempt !== undefined)
      throw new ProtocolError('its hello is not that of its task')
    start.attempt = { id: said.attempt, key, host }
    start.bundle = bundle
    this.#desk.listener.assigned(start.attempt)
  }

  /** Its end is told: what is there by now is taken over. */
  async #fetch(start: Start, { message: { ending, archive }, since }: NonNullable<Start['ended']>): Promise<void> {
    const { ledger, listener, collector, instanceOf, arrays, closed } = this.#desk
    const attempt = start.attempt!
    const { key, folder: left, bundle } = start
    const instance = ledger.isOpen(key) ? instanceOf(key, arrays.get(start.place.array).cpus) : undefined
    if (instance === undefined) return this.#forsake(start)
    if (!(await fetchArchive(left, attempt.id, archive, collector))) {
      if (performance.now() - since > ARCHIVE_MS) throw new ProtocolError('its result is not all there')
      return
    }
    try {
      const folder = await collector.open(attempt.id, instance.name)
      const arrival = { attempt, instance, ending: ending as Ending, folder, bundle }
      const examined = await listener.examine(arrival)
      // Let go while it was looked at: whoever comes after finds it again.
      if (closed()) return
      ledger.done(key)
      listener.arrived(arrival, examined)
      this.#forget(start, 'counted')
      await removed(left)
    } finally {
      collector.drop(attempt.id)
    }
  }

  /** Another attempt was first, or it is not to run any more. */
  #forsake(start: Start): Promise<void> {
    this.#forget(start, 'late')
    return this.askToEnd(start.place)
  }

  #forget(start: Start, how: Parameters<FleetListener['over']>[1]): void {
    this.#starts.set(start.folder, undefined)
    if (start.attempt !== undefined) this.#over(start.attempt, how)
  }

  #over(attempt: Attempt, how: Parameters<FleetListener['over']>[1]): void {
    const { listener, nodes } = this.#desk
    listener.over(attempt, how)
    const status = nodes.over(attempt.id)
    if (status !== undefined) listener.host(status)
  }
}

/** A guest tells of itself only, and of each kind of failure once. @throws ProtocolError */
function checkEvent(start: Start, event: GuestEvent, { name }: PlannedInstance): void {
  if (event.type !== 'failure') return
  if (!event.failure.id.startsWith(`${name}/failures/`)) throw new ProtocolError('a failure of another instance')
  if (++start.failures > MOST_FAILURES) throw new ProtocolError(`more than ${MOST_FAILURES} failures of one guest`)
}

/** Of folders; none where there is no such folder, or not yet. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    return entries.filter(entry => entry.isDirectory()).map(({ name }) => name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** Somebody may still be writing there: what cannot be removed now is removed by `torture hosts clean`. */
export async function removed(folder: string): Promise<void> {
  for (let left = 20; left > 0; left--) {
    try {
      return await rm(folder, { recursive: true, force: true })
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOTEMPTY' && code !== 'EBUSY') throw error
      await sleep(100)
    }
  }
}
