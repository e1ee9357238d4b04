/**
 * What runs where: a pure state machine over one queue. Times are numbers that the caller gives, in milliseconds.
 *
 * A job is done by its first attempt that ends. While a host is away its attempts go on out there; after the grace
 * their jobs are queued again, and whatever attempt is first counts. A host that is given up is waited for no longer.
 */

export interface Job {
  /** `vma-lock.2`, or `vma-lock.2/bridge`. */
  readonly key: string
  /** CPUs that it wants. */
  readonly cpus: number
  readonly durationMs: number
}

export interface Attempt {
  readonly id: string
  readonly key: string
  readonly host: string
}

export interface Placed extends Attempt {
  /** It has more threads than the host has CPUs, and the host for itself. */
  readonly oversubscribed: boolean
}

export interface Policy {
  /** How long a host may be away before its jobs are given to others. */
  readonly graceMs: number
  /** How long all hosts may be away, or those that alone are wide enough, before jobs are lost. */
  readonly patienceMs: number
  /** Whether a job may run on a host that is narrower than it. */
  readonly oversubscribe: boolean
}

export interface Decision {
  readonly place: readonly Placed[]
  /** Jobs that nobody can do, and why. */
  readonly lost: readonly { readonly key: string; readonly why: string }[]
}

interface HostState {
  readonly name: string
  state: 'up' | 'away' | 'gone'
  cpus: number
  /** Whether the first try to reach it is over: until then it is on its way, which takes as long as shipping does. */
  tried: boolean
  /** The last sign of life; of a host that was never here the end of the first try. */
  seenAt: number
  /** What was wrong when it went away last. */
  why: string
  /** Attempts that may still come to an end there, by id. */
  readonly attempts: Map<string, Placed>
  /** Ids of those that are known to have begun: an order may be lost on its way. */
  readonly begun: Set<string>
}

interface JobState {
  readonly job: Job
  readonly order: number
  state: 'open' | 'done'
  /** How often the host of one of its attempts lost all that it had. */
  perished: number
}

/** A job that has taken so many hosts with it is not given to another. */
const MOST_PERISHED = 5
const MOST_NAMED = 5

export class Schedule {
  readonly #policy: Policy
  readonly #hosts = new Map<string, HostState>()
  readonly #jobs = new Map<string, JobState>()
  /** All attempts there ever were, by id. */
  readonly #given = new Map<string, Attempt>()
  readonly #session: string
  #number = 0
  /** Jobs that are not done. */
  #open = 0
  /** Why the last host was given up. */
  #lastWhy = 'no host'

  /** @param session tells the attempts of this driver from those of one before: ids are never used twice */
  constructor(hosts: readonly string[], policy: Policy, session: string, now: number) {
    this.#policy = policy
    this.#session = session
    for (const name of hosts)
      this.#hosts.set(name, {
        ...{ name, state: 'away', cpus: 0, tried: false, seenAt: now, why: '' },
        ...{ attempts: new Map(), begun: new Set() },
      })
  }

  /** Whether each job is done. */
  get over(): boolean {
    return this.#open === 0
  }

  /** Keys of the jobs that are open and have no attempt anywhere. */
  get queued(): string[] {
    const held = new Set([...this.#hosts.values()].flatMap(host => [...host.attempts.values()].map(({ key }) => key)))
    return [...this.#jobs.values()]
      .filter(({ state, job }) => state === 'open' && !held.has(job.key))
      .map(({ job }) => job.key)
  }

  /** Attempts at open jobs on hosts that are here, or on all. */
  attempts(where: 'up' | 'all' = 'all'): Attempt[] {
    return [...this.#hosts.values()]
      .filter(({ state }) => where === 'all' || state === 'up')
      .flatMap(({ attempts }) => [...attempts.values()])
      .filter(({ key }) => this.#jobs.get(key)?.state === 'open')
  }

  isUp(name: string): boolean {
    return this.#host(name).state === 'up'
  }

  /** CPUs in use on a host. */
  usedOn(name: string): number {
    const host = this.#host(name)
    let used = 0
    for (const { key, oversubscribed } of host.attempts.values())
      used += oversubscribed ? host.cpus : (this.#jobs.get(key)?.job.cpus ?? 0)
    return used
  }

  add(job: Job): void {
    this.#open++
    this.#jobs.set(job.key, { job, order: this.#jobs.size, state: 'open', perished: 0 })
  }

  /**
   * What an earlier driver gave to a host.
   * @param over whether its end was seen: else it is taken for running until the host says otherwise
   */
  remember(attempt: Attempt, over: boolean): void {
    this.#given.set(attempt.id, attempt)
    if (!over && this.#jobs.has(attempt.key))
      this.#hosts.get(attempt.host)?.attempts.set(attempt.id, { ...attempt, oversubscribed: false })
  }

  /** Whether a host was ever given this attempt. */
  gave(host: string, id: string): boolean {
    return this.#given.get(id)?.host === host
  }

  keyOf(id: string): string | undefined {
    return this.#given.get(id)?.key
  }

  /**
   * A host is here.
   * @param present what it has of this run: running, or ended and not received
   * @returns attempts of those that nobody wants, and attempts that it should have and does not
   */
  up(name: string, cpus: number, present: readonly Attempt[], now: number): { drop: string[]; perished: Attempt[] } {
    const host = this.#host(name)
    if (host.state === 'gone') return { drop: [], perished: [] }
    Object.assign(host, { state: 'up', cpus, tried: true, seenAt: now })
    const there = new Set(present.map(({ id }) => id))
    const perished = [...host.attempts.values()].filter(({ id }) => !there.has(id))
    for (const attempt of perished) this.#perish(host, attempt)
    const drop: string[] = []
    for (const { id, key } of present) {
      const job = this.#jobs.get(key)
      if (job?.state !== 'open') {
        host.attempts.delete(id)
        drop.push(id)
      } else {
        const oversubscribed = host.attempts.get(id)?.oversubscribed ?? job.job.cpus > cpus
        host.attempts.set(id, { id, key, host: name, oversubscribed })
      }
    }
    return { drop, perished }
  }

  /** @returns whether that is news */
  begun(name: string, id: string): boolean {
    const { begun } = this.#host(name)
    return !begun.has(id) && begun.add(id) !== undefined
  }

  heard(name: string, now: number): void {
    this.#host(name).seenAt = now
  }

  away(name: string, now: number, why = ''): void {
    const host = this.#host(name)
    host.why = why
    if (host.state === 'up') host.state = 'away'
    if (!host.tried) Object.assign(host, { tried: true, seenAt: now })
  }

  /** Nothing more is wanted from this host; its jobs are for others. */
  gone(name: string, why: string): void {
    const host = this.#host(name)
    host.state = 'gone'
    host.attempts.clear()
    this.#lastWhy = why
  }

  /** Whether it is still to be done. */
  isOpen(key: string): boolean {
    return this.#jobs.get(key)?.state === 'open'
  }

  /** Whether the end of an attempt would still count. */
  wants(host: string, id: string): boolean {
    const key = this.keyOf(id)
    return key !== undefined && this.#host(host).attempts.has(id) && this.#jobs.get(key)?.state === 'open'
  }

  /**
   * An attempt has ended and its result is here.
   * @returns whether it counts, and which other attempts are now in vain
   */
  ended(name: string, id: string): { counts: boolean; vain: Attempt[] } {
    const host = this.#host(name)
    const attempt = host.attempts.get(id)
    host.attempts.delete(id)
    const job = attempt === undefined ? undefined : this.#jobs.get(attempt.key)
    if (job === undefined || job.state === 'done') return { counts: false, vain: [] }
    return { counts: true, vain: this.#finish(job) }
  }

  /** A job is not to be done any more. @returns attempts that are now in vain */
  cancel(key: string): Attempt[] {
    const job = this.#jobs.get(key)
    return job === undefined ? [] : this.#finish(job)
  }

  /** Places what can be placed, widest first, and says what nobody can do. */
  decide(now: number): Decision {
    const lost: { key: string; why: string }[] = []
    const hopeless = this.#despair(now)
    const left = this.#waiting(now).filter(({ job, perished }) => {
      const why = perished >= MOST_PERISHED ? tookHosts(perished) : hopeless(job.cpus)
      if (why !== undefined) lost.push({ key: job.key, why })
      return why === undefined
    })
    const place: Placed[] = []
    const narrow = this.#placeFitting(left, place)
    if (this.#policy.oversubscribe) this.#placeOversubscribed(narrow, place)
    return { place, lost }
  }

  /** When `decide` could say something new although nothing happens; undefined: never. */
  nextAt(now: number): number | undefined {
    const { graceMs, patienceMs } = this.#policy
    const times = [...this.#hosts.values()]
      .filter(({ state }) => state === 'away')
      .flatMap(({ seenAt }) => [seenAt + graceMs, seenAt + patienceMs])
      .filter(at => at > now)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  #host(name: string): HostState {
    const host = this.#hosts.get(name)
    if (host === undefined) throw new Error(`there is no host ${name}`)
    return host
  }

  #perish(host: HostState, { id, key }: Attempt): void {
    host.attempts.delete(id)
    const job = this.#jobs.get(key)
    if (job?.state === 'open' && host.begun.has(id)) job.perished++
  }

  #finish(job: JobState): Attempt[] {
    if (job.state === 'open') this.#open--
    job.state = 'done'
    const vain: Attempt[] = []
    for (const { attempts } of this.#hosts.values()) {
      for (const attempt of attempts.values()) {
        if (attempt.key !== job.job.key) continue
        attempts.delete(attempt.id)
        vain.push(attempt)
      }
    }
    return vain
  }

  /** Open jobs without an attempt on a host that is here or may come back in time; the widest and longest first. */
  #waiting(now: number): JobState[] {
    const held = new Set<string>()
    for (const host of this.#hosts.values()) {
      if (host.state === 'gone' || (host.state === 'away' && this.#awayFor(host, now) >= this.#policy.graceMs)) continue
      for (const { key } of host.attempts.values()) held.add(key)
    }
    return [...this.#jobs.values()]
      .filter(({ job, state }) => state === 'open' && !held.has(job.key))
      .sort((a, b) => b.job.cpus - a.job.cpus || b.job.durationMs - a.job.durationMs || a.order - b.order)
  }

  #awayFor = ({ seenAt }: HostState, now: number): number => now - seenAt

  /** Says of a width whether nobody can do jobs of it, and why: asked for many jobs, and worked out once for each. */
  #despair(now: number): (cpus: number) => string | undefined {
    const hosts = [...this.#hosts.values()].filter(({ state }) => state !== 'gone')
    const known = new Map<number, string | undefined>()
    return cpus => {
      const width = this.#policy.oversubscribe ? 0 : cpus
      if (!known.has(width)) known.set(width, this.#hopeless(width, hosts, now))
      return known.get(width)
    }
  }

  #hopeless(width: number, hosts: readonly HostState[], now: number): string | undefined {
    if (hosts.length === 0) return `no host is left: ${this.#lastWhy}`
    // Of a host that has never been here it is not known how wide it is.
    const able = hosts.filter(({ cpus }) => cpus === 0 || cpus >= width)
    if (able.length === 0) return `no host that is left has ${width} CPUs (--no-oversubscribe)`
    const { patienceMs } = this.#policy
    const away = able.every(host => host.state === 'away' && host.tried && this.#awayFor(host, now) >= patienceMs)
    if (!away) return undefined
    const names = able.map(({ name }) => name)
    const listed = names.length > MOST_NAMED ? `any of ${names.length} hosts` : names.join(', ')
    return `nothing was heard of ${listed} for ${Math.round(patienceMs / 1000)} s${lastWords(able)}`
  }

  /** Where there is most room: so all hosts get something to do. @returns those for which there is none */
  #placeFitting(jobs: readonly JobState[], place: Placed[]): JobState[] {
    const rooms = [...this.#hosts.values()]
      .filter(({ state }) => state === 'up')
      .map(host => ({ host, free: host.cpus - this.usedOn(host.name) }))
    // What is as wide as something that fits nowhere need not be tried.
    let tooWide = Number.POSITIVE_INFINITY
    return jobs.filter(({ job }) => {
      if (job.cpus >= tooWide) return true
      const able = rooms.filter(({ free }) => free >= job.cpus)
      if (able.length === 0) tooWide = job.cpus
      const room = best(
        able.filter(({ host }) => !has(host, job)),
        ({ free }) => free,
      )
      if (room === undefined) return true
      room.free -= job.cpus
      place.push(this.#place(job, room.host, false))
      return false
    })
  }

  /** Each on a host that has nothing else to do, the widest. */
  #placeOversubscribed(jobs: readonly JobState[], place: Placed[]): void {
    const idle = [...this.#hosts.values()].filter(({ state, attempts }) => state === 'up' && attempts.size === 0)
    for (const { job } of jobs) {
      if (idle.length === 0) return
      const host = best(
        idle.filter(({ cpus }) => cpus < job.cpus),
        ({ cpus }) => cpus,
      )
      if (host === undefined) continue
      idle.splice(idle.indexOf(host), 1)
      place.push(this.#place(job, host, true))
    }
  }

  #place({ key }: Job, host: HostState, oversubscribed: boolean): Placed {
    const id = `${key}#${this.#session}.${++this.#number}@${host.name}`
    const placed = { id, key, host: host.name, oversubscribed }
    host.attempts.set(id, placed)
    this.#given.set(id, placed)
    return placed
  }
}

/** Of the first that has any. */
function lastWords(hosts: readonly HostState[]): string {
  const why = hosts.map(host => host.why).find(text => text !== '')
  return why === undefined ? '' : `: ${why}`
}

/** From before it was away, or was given up for lost. */
const has = ({ attempts }: HostState, { key }: Job): boolean =>
  [...attempts.values()].some(attempt => attempt.key === key)

const tookHosts = (times: number) => `${times} hosts lost all that they ran while they ran it`

function best<T>(all: readonly T[], worth: (one: T) => number): T | undefined {
  return all.reduce<T | undefined>((a, b) => (a === undefined || worth(b) > worth(a) ? b : a), undefined)
}
