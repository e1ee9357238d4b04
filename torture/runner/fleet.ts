/** Has a plan carried out by a fleet, and keeps the same books of it as of a run on this machine. */
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { GRACE_MS } from '../../remote/fleet/fleet.ts'
import type { Attempt, Job } from '../../remote/fleet/schedule.ts'
import type { Arrival, FleetListener, Workforce } from '../../remote/fleet/task.ts'
import { ProtocolError } from '../../remote/protocol.ts'
import { guarded, StoreError } from '../../results/files.ts'
import { judge } from '../../results/judge.ts'
import { readFailure, readVerdict } from '../../results/reader.ts'
import type { HostStatus } from '../../results/reporters/reporter.ts'
import type { Failure, GuestEvent, InstanceResult, PlannedInstance } from '../../results/schema.ts'
import { instanceFolder, prepareInstance, writeVerdict } from '../../results/store.ts'
import type { Bundle } from '../bundle/manifest.ts'
import { bridgeOf } from '../plan/bridge.ts'
import { type Attended, assess } from './attend.ts'
import type { Books } from './books.ts'
import { bridgeTo } from './bridge.ts'
import type { Crew } from './crew.ts'
import type { Stopped } from './stopped.ts'

export interface FleetWork {
  readonly fleet: Workforce
  readonly bundle: Bundle
  readonly session: number
  readonly earlier: readonly (Attempt & { readonly over: boolean })[]
  readonly oversubscribe: boolean
  readonly graceMs?: number
}

/** A search that follows a failure: a job of its own, on whatever host has room. */
interface Bridge {
  readonly search: PlannedInstance
  readonly stressed: { readonly instance: PlannedInstance; readonly result: InstanceResult }
}

const jobOf = ({ cpus, durationMs }: PlannedInstance, key: string): Job => ({ key, cpus, durationMs })

export class FleetCrew implements Crew, FleetListener<Attended> {
  readonly #books: Books
  readonly #work: FleetWork
  readonly #planned: ReadonlyMap<string, PlannedInstance>
  readonly #bridges = new Map<string, Bridge>()
  readonly #states = new Map<string, string>()

  constructor(books: Books, work: FleetWork) {
    this.#books = books
    this.#work = work
    this.#planned = new Map(books.plan.instances.map(instance => [instance.name, instance]))
  }

  async carryOut(): Promise<void> {
    const { fleet, session, earlier, oversubscribe, graceMs = GRACE_MS } = this.#work
    const left = [...this.#planned.values()].filter(({ name }) => !this.#books.hasEnded(name))
    const task = {
      runDir: this.#books.dir,
      session: String(session),
      jobs: left.map(instance => jobOf(instance, instance.name)),
      earlier,
      oversubscribe,
      graceMs,
    }
    await fleet.carryOut(task, this as FleetListener)
    await fleet.bye()
  }

  stop(concerns?: Stopped['concerns']): void {
    // A bridge belongs to what has ended already.
    this.#work.fleet.stop(concerns && (instance => this.#planned.has(instance.name) && concerns(instance)))
  }

  killAll(): void {
    this.#books.close()
    this.#work.fleet.close()
  }

  due(key: string): PlannedInstance | undefined {
    const planned = this.#planned.get(key)
    if (planned !== undefined) return this.#books.due(planned)
    return this.#books.interrupted ? undefined : this.#bridges.get(key)?.search
  }

  assigned({ id, key, host }: Attempt): void {
    this.#books.note('assigned', { instance: key, host, attempt: id })
  }

  started({ key, host }: Attempt, instance: PlannedInstance): void {
    const bridge = this.#bridges.get(key)
    if (bridge === undefined) this.#books.started(instance, host)
    else this.#books.bridgeStarted(bridge.stressed.instance, { ...instance, name: key }, host)
  }

  heard({ key }: Attempt, instance: PlannedInstance, event: GuestEvent): void {
    if (this.#bridges.has(key)) this.#books.bridgeHeard(key, event)
    else this.#books.heard(instance, event)
  }

  async examine({ instance, ending, folder, bundle, attempt }: Arrival): Promise<Attended> {
    const failures = checkedFailures(instance, folder)
    checkRecord(instance, folder)
    const { startedAt, stats, ...exit } = ending
    const course = { exit, startedAt, failures, ...(stats !== undefined && { stats }) }
    const attended = await assess(instance, course, { bundle: this.#work.bundle, folder, wrote: bundle })
    const oversubscribed = attended.result.oversubscribed || instance.oversubscribed
    return { ...attended, result: { ...attended.result, host: attempt.host, oversubscribed } }
  }

  arrived({ attempt, instance, folder }: Arrival, attended: Attended): void {
    const made = join(folder, instance.name)
    // Whoever kills us now leaves the verdict with the evidence.
    writeVerdict(made, attended.result)
    replaceFolder(made, instanceFolder(this.#books.dir, attempt.key))
    const bridge = this.#bridges.get(attempt.key)
    if (bridge === undefined) this.#concluded(instance, attended)
    else this.#crossed(attempt.key, bridge, attended)
  }

  lost(key: string, why: string): void {
    const instance = this.#planned.get(key)
    if (instance === undefined) return
    const result = judge(instance, { lost: why }, { elapsedMs: 0, host: 'none' })
    prepareInstance(this.#books.dir, key)
    this.#books.ended(instance, { result, failures: [], interleavings: new Map() })
  }

  over({ id, key, host }: Attempt, how: string): void {
    this.#books.note('over', { instance: key, host, attempt: id, how })
  }

  host(status: HostStatus): void {
    const known = `${status.state} ${status.problem ?? ''}`
    const changed = this.#states.get(status.name) !== known
    this.#states.set(status.name, known)
    this.#books.host(status, changed)
  }

  shipped(host: string, bytes: number): void {
    this.#books.note('shipped', { host, bytes })
  }

  #concluded(instance: PlannedInstance, attended: Attended): void {
    const result = this.#books.ended(instance, attended)
    if (result === undefined || this.#books.interrupted || !instance.bridgeMs) return
    const search = bridgeTo({ instance, result, failures: attended.failures }, this.#books.dir)
    if (search === undefined) return
    const key = `${instance.name}/${search.name}`
    this.#bridges.set(key, { search, stressed: { instance, result } })
    this.#work.fleet.add(jobOf(search, key))
  }

  #crossed(key: string, { stressed: { result } }: Bridge, { result: found, failures, interleavings }: Attended): void {
    const interleaving = failures.length === 0 ? undefined : interleavings.get(failures[0].id)
    this.#books.bridgeEnded(key, result, { ...result, bridge: bridgeOf(result, found) }, interleaving)
  }
}

/** The failures that a guest has left, which are those of no other. @throws ProtocolError */
function checkedFailures({ name, seed }: PlannedInstance, folder: string): Failure[] {
  const dir = join(folder, name, 'failures')
  if (!existsSync(dir)) return []
  const numbers = readdirSync(dir).sort((a, b) => Number(a) - Number(b))
  return numbers.map(number => {
    const id = `${name}/failures/${number}`
    const failure = believed(() => readFailure(folder, id))
    if (failure.id !== id || failure.seed !== seed) throw new ProtocolError('a failure of another instance')
    return failure
  })
}

/** A guest writes its record whole or not at all, and of itself. @throws ProtocolError */
function checkRecord({ name, seed }: PlannedInstance, folder: string): void {
  const { result, problem } = readVerdict(join(folder, name))
  if (problem !== undefined) throw new ProtocolError(`a record that is damaged: ${problem.replace(/^.*[\\/]/, '')}`)
  if (result === undefined) return
  const foreign = result.failures.some(({ id, path }) => !id.startsWith(`${name}/failures/`) || path !== id)
  if (result.name !== name || result.seed !== seed || foreign)
    throw new ProtocolError(`a record of another instance (${result.name})`)
}

function believed<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof StoreError) || error.exitCode === 3) throw error
    throw new ProtocolError(`a failure that is damaged: ${error.message.replace(/^.*[\\/]/, '')}`)
  }
}

function replaceFolder(made: string, place: string): void {
  guarded(`write ${place}`, () => {
    rmSync(place, { recursive: true, force: true })
    renameSync(made, place)
  })
}
