/**
 * Carries jobs out on many hosts: the schedule decides, the links carry, the collector receives, and whoever listens
 * keeps the books. All that hosts say is checked; one that lies is given up, with a line that says so.
 */
import type { HostStatus } from '../../results/reporters/reporter.ts'
import type { GuestEvent, PlannedInstance } from '../../results/schema.ts'
import { type BundleSource, type Carrier, type HostFacts, HostProblem } from '../carrier.ts'
import { type AgentMessage, type Ending, ProtocolError } from '../protocol.ts'
import { Collector } from './collect.ts'
import { Deadlines } from './deadlines.ts'
import { Hosts } from './hosts.ts'
import type { Link } from './link.ts'
import { type Attempt, type Job, type Placed, Schedule } from './schedule.ts'
import type { FleetListener, Task, Workforce } from './task.ts'

export const GRACE_MS = 30_000
/** Of the grace. */
const PATIENCE = 4
/** Of one guest, told while it runs: more than any has. */
const MOST_FAILURES = 1000

export class Fleet implements Workforce {
  readonly #hosts: Hosts
  readonly #bundles = new Map<string, string>()
  readonly #shipped = new Map<string, number>()
  readonly #instances = new Map<string, PlannedInstance>()
  readonly #deadlines = new Deadlines()
  #work: Working | undefined
  #timer: NodeJS.Timeout | undefined

  /** Connects to all at once. @param mostCpus to use of each */
  constructor(carriers: readonly Carrier[], mostCpus = Number.POSITIVE_INFINITY) {
    this.#hosts = new Hosts(carriers, mostCpus)
  }

  /** Says what hosts are to have before anything is carried out; see `Hosts`. */
  prepare(runOn: (host: string) => string, bundle: BundleSource): void {
    this.#hosts.prepare(runOn, bundle)
  }

  /** See `Hosts`. */
  ready(cpus: number): Promise<boolean> {
    return this.#hosts.ready(cpus)
  }

  /** See `Hosts`. */
  cpus(): Promise<number> {
    return this.#hosts.cpus()
  }

  /** After `prepare()`. Returns when each job is done, or not to be done any more. */
  carryOut(task: Task, listener: FleetListener): Promise<void> {
    const policy = {
      graceMs: task.graceMs,
      patienceMs: PATIENCE * task.graceMs,
      oversubscribe: task.oversubscribe,
    }
    const names = this.#hosts.links.map(({ name }) => name)
    const schedule = new Schedule(names, policy, task.session, performance.now())
    for (const job of task.jobs) schedule.add(job)
    for (const { over, ...attempt } of task.earlier) schedule.remember(attempt, over)
    return new Promise((resolve, reject) => {
      const collector = new Collector(task.runDir)
      this.#work = {
        schedule,
        collector,
        listener,
        endings: new Map(),
        failures: new Map(),
        resolve,
        reject,
        arriving: 0,
        interrupted: false,
      }
      for (const link of this.#hosts.links) {
        this.#tell(link.name, 'connecting')
        link.begin(this.#listenerOf(link))
      }
      this.#decide()
    })
  }

  add(job: Job): void {
    this.#work?.schedule.add(job)
  }

  /**
   * Asks for an orderly end: of all, or of what is concerned. What has not begun is not begun any more; what runs on a
   * host that is away is left to it, and a driver that comes after finds it there.
   */
  stop(concerns?: (instance: PlannedInstance) => boolean): void {
    const work = this.#work
    if (work === undefined) return
    if (concerns === undefined) work.interrupted = true
    for (const { id, host } of work.schedule.attempts('up')) {
      const instance = this.#instances.get(id)
      if (concerns === undefined || (instance !== undefined && concerns(instance)))
        this.#hosts.send(host, { type: 'stop', attempt: id })
    }
    // Not at once: the listener may be in the middle of what made it say so.
    setImmediate(() => this.#safely(() => this.#withdraw()))
  }

  /** Says goodbye where the agents are to end, and lets go of the rest. */
  async bye(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#hosts.bye()
    this.#work?.collector.close()
  }

  /** Lets go of all at once; the agents go on. */
  close(): void {
    clearTimeout(this.#timer)
    this.#work = undefined
    this.#hosts.close()
  }

  #listenerOf(link: Link) {
    const { name } = link
    const doing =
      <A extends unknown[]>(act: (work: Working, ...args: A) => void) =>
      (...args: A) =>
        this.#safely(work => act(work, ...args))
    return {
      shipping: doing(() => this.#tell(name, 'shipping')),
      shipped: doing((work, bytes: number) => {
        this.#shipped.set(name, bytes)
        work.listener.shipped(name, bytes)
      }),
      up: (facts: HostFacts, hello: Extract<AgentMessage, { type: 'hello' }>) => {
        this.#hosts.learn(name, facts)
        this.#bundles.set(name, hello.bundle)
        if (this.#work !== undefined) this.#greet(this.#work, name, hello.attempts)
      },
      heard: (message: AgentMessage) => {
        if (this.#work !== undefined) this.#hear(this.#work, name, message)
      },
      away: doing((work, problem: HostProblem) => {
        work.schedule.away(name, performance.now(), problem.message)
        this.#tell(name, 'away', problem.message)
        if (work.interrupted) this.#withdraw()
        this.#decide()
      }),
      gone: doing((work, problem: HostProblem) => {
        work.schedule.gone(name, problem.message)
        link.close()
        this.#tell(name, 'gone', problem.message)
        this.#decide()
      }),
    }
  }

  /** A host has come, or come back. */
  #greet(work: Working, host: string, present: readonly { readonly attempt: string; readonly key: string }[]): void {
    const { schedule, listener } = work
    for (const { attempt, key } of present) {
      if (!schedule.gave(host, attempt) || schedule.keyOf(attempt) !== key)
        throw new ProtocolError('it speaks of an attempt that it was never given')
    }
    const there = present.map(({ attempt, key }) => ({ id: attempt, key, host }))
    this.#safely(() => {
      for (const attempt of there) this.#adopt(work, attempt)
      const cpus = this.#hosts.cpusOf(host)
      const { drop, perished } = schedule.up(host, cpus, there, performance.now())
      for (const attempt of perished) listener.over(attempt, 'perished')
      for (const id of drop) this.#drop(work, { id, key: schedule.keyOf(id)!, host }, 'dropped')
      this.#tell(host, 'up')
      this.#decide()
    })
  }

  /** What an earlier driver had begun is this one's. */
  #adopt({ schedule, listener }: Working, attempt: Attempt): void {
    if (this.#instances.has(attempt.id) || !schedule.isOpen(attempt.key)) return
    const instance = listener.due(attempt.key)
    if (instance === undefined) {
      schedule.cancel(attempt.key)
      return
    }
    this.#instances.set(attempt.id, instance)
    this.#deadlines.set(attempt.id, instance)
    schedule.begun(attempt.host, attempt.id)
    listener.started(attempt, instance)
  }

  /** @throws ProtocolError for what an honest agent does not say */
  #hear(work: Working, host: string, message: AgentMessage): void {
    const { schedule, listener, collector } = work
    schedule.heard(host, performance.now())
    if (message.type === 'pong') this.#checkDeadlines(work, host)
    if (!('attempt' in message)) return
    const id = message.attempt
    if (!schedule.gave(host, id)) throw new ProtocolError('it speaks of an attempt that it was never given')
    const attempt = { id, key: schedule.keyOf(id)!, host }
    const instance = this.#instances.get(id)
    if (!schedule.wants(host, id) || instance === undefined) {
      // The end of what was dropped a moment ago, or what was received before the last driver could say so.
      if (message.type === 'ended') this.#safely(() => this.#drop(work, attempt, 'late'))
      return
    }
    switch (message.type) {
      case 'started':
        if (schedule.begun(host, id)) this.#safely(() => listener.started(attempt, instance))
        break
      case 'event':
        checkEvent(work, id, message.event as GuestEvent, instance)
        this.#safely(() => listener.heard(attempt, instance, message.event as GuestEvent))
        break
      case 'refused':
        this.#safely(() => listener.over(attempt, 'refused'))
        this.#giveUp(work, host, new HostProblem('no-space', host, `it could not run ${attempt.key}: ${message.why}`))
        this.#safely(() => this.#decide())
        break
      case 'ended': {
        const from = collector.expect(id, message.archive)
        work.endings.set(id, message.ending)
        this.#deadlines.extend(id)
        this.#hosts.send(host, { type: 'fetch', attempt: id, from })
        break
      }
      case 'chunk':
        this.#deadlines.extend(id)
        if (collector.take(id, message.at, message.data)) void this.#receive(work, attempt, instance)
        break
    }
  }

  /** All of a result is here. */
  async #receive(work: Working, attempt: Attempt, instance: PlannedInstance): Promise<void> {
    const { schedule, collector, listener } = work
    work.arriving++
    try {
      const folder = await collector.open(attempt.id, instance.name)
      const ending = work.endings.get(attempt.id)!
      const arrival = { attempt, instance, ending, folder, bundle: this.#bundles.get(attempt.host)! }
      const examined = await listener.examine(arrival)
      // Interrupted for good, or given up while it was looked at.
      if (this.#work !== work) return
      const { counts, vain } = schedule.ended(attempt.host, attempt.id)
      for (const other of vain) this.#drop(work, other, 'late')
      if (counts) listener.arrived(arrival, examined)
      // Only now: whoever kills us before finds it again on its host.
      this.#drop(work, attempt, counts ? 'counted' : 'late')
    } catch (error) {
      if (error instanceof ProtocolError) this.#giveUp(work, attempt.host, error)
      else work.reject(error)
    } finally {
      work.arriving--
      this.#safely(() => {
        if (schedule.isUp(attempt.host)) this.#tell(attempt.host, 'up')
        this.#decide()
      })
    }
  }

  #drop({ collector, listener }: Working, attempt: Attempt, how: 'counted' | 'late' | 'dropped'): void {
    this.#hosts.send(attempt.host, { type: 'drop', attempt: attempt.id })
    this.#forget(attempt.id)
    collector.drop(attempt.id)
    listener.over(attempt, how)
  }

  #forget(id: string): void {
    this.#deadlines.delete(id)
    this.#instances.delete(id)
    this.#work?.endings.delete(id)
    this.#work?.failures.delete(id)
  }

  #giveUp(work: Working, host: string, error: Error): void {
    const problem =
      error instanceof HostProblem
        ? error
        : new HostProblem('protocol', host, `it does not do as an agent does: ${error.message}`)
    const link = this.#hosts.link(host)
    link.problem = problem
    // An honest agent need not wait for somebody to come back, and leaves its room to others.
    if (problem === error) void link.bye()
    else link.close()
    work.schedule.gone(host, problem.message)
    this.#tell(host, 'gone', problem.message)
  }

  /** An agent that is there and never comes to an end is none. */
  #checkDeadlines(work: Working, host: string): void {
    const late = work.schedule.attempts('up').find(({ id, host: on }) => on === host && this.#deadlines.passed(id))
    if (late !== undefined) throw new ProtocolError(`${late.key} should have ended long ago`)
  }

  #decide(): void {
    const work = this.#work
    if (work === undefined) return
    const { schedule, listener } = work
    const now = performance.now()
    const { place, lost } = schedule.decide(now)
    for (const { key, why } of lost) {
      for (const attempt of schedule.cancel(key)) listener.over(attempt, 'perished')
      listener.lost(key, why)
    }
    for (const placed of place) this.#assign(work, placed)
    for (const host of new Set(place.map(({ host }) => host))) this.#tell(host, 'up')
    clearTimeout(this.#timer)
    if (schedule.over && work.arriving === 0) {
      work.resolve()
      return
    }
    const next = schedule.nextAt(now)
    if (next !== undefined) this.#timer = setTimeout(() => this.#safely(() => this.#decide()), next - now + 1)
  }

  #assign({ schedule, listener }: Working, { id, key, host, oversubscribed }: Placed): void {
    // What was said of another may have made this one needless.
    const instance = schedule.isOpen(key) ? listener.due(key) : undefined
    if (instance === undefined) {
      schedule.cancel(key)
      return
    }
    // What it is on this host, not on the one that made the plan.
    const placed = { ...instance, oversubscribed }
    this.#instances.set(id, placed)
    this.#deadlines.set(id, placed)
    listener.assigned({ id, key, host })
    this.#hosts.send(host, { type: 'assign', attempt: id, key, instance: placed as never })
  }

  /** What has not begun, or runs where we cannot see it, is looked at again: is it to run at all? */
  #withdraw(): void {
    const work = this.#work
    if (work === undefined) return
    const { schedule, listener } = work
    const visible = new Set(schedule.attempts('up').map(({ key }) => key))
    const away = schedule.attempts().map(({ key }) => key)
    for (const key of new Set([...schedule.queued, ...away])) {
      if (!visible.has(key) && schedule.isOpen(key) && listener.due(key) === undefined) schedule.cancel(key)
    }
    this.#decide()
  }

  #tell(name: string, state: HostStatus['state'], problem?: string): void {
    const cpus = this.#hosts.cpusOf(name)
    const used = this.#work?.schedule.usedOn(name) ?? 0
    const shipped = this.#shipped.get(name) ?? 0
    this.#work?.listener.host({ name, state, cpus, used, shipped, ...(problem !== undefined && { problem }) })
  }

  /** Results that cannot be written are an end for all. */
  #safely(act: (work: Working) => void): void {
    const work = this.#work
    if (work === undefined) return
    try {
      act(work)
    } catch (error) {
      work.reject(error)
    }
  }
}

interface Working {
  readonly schedule: Schedule
  readonly collector: Collector
  readonly listener: FleetListener
  readonly endings: Map<string, Ending>
  /** How many failures each attempt has told of. */
  readonly failures: Map<string, number>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
  /** Results that are being unpacked and judged. */
  arriving: number
  interrupted: boolean
}

/** A guest tells of itself only, and of each kind of failure once. @throws ProtocolError */
function checkEvent({ failures }: Working, attempt: string, event: GuestEvent, { name }: PlannedInstance): void {
  if (event.type !== 'failure') return
  if (!event.failure.id.startsWith(`${name}/failures/`)) throw new ProtocolError('a failure of another instance')
  const told = (failures.get(attempt) ?? 0) + 1
  if (told > MOST_FAILURES) throw new ProtocolError(`more than ${MOST_FAILURES} failures of one guest`)
  failures.set(attempt, told)
}
