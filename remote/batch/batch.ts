/**
 * Has jobs carried out by a batch system: submits them as arrays of tasks, reads the journals that those write into the
 * shared directory, and asks the system now and then what became of whoever says nothing. Results decide; a task that
 * is started twice is told by its attempts, and the first that ends counts.
 */
import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { HostStatus } from '../../results/reporters/reporter.ts'
import type { GuestEvent, PlannedInstance } from '../../results/schema.ts'
import { type BatchLimits, BatchProblem, type BatchSystem, type TaskArray, type TaskState } from '../carrier.ts'
import { Collector } from '../fleet/collect.ts'
import type { Attempt, Job } from '../fleet/schedule.ts'
import type { FleetListener, Task, Workforce } from '../fleet/task.ts'
import { type AgentMessage, type Ending, ProtocolError } from '../protocol.ts'
import { fetchArchive, Journal } from './journal.ts'
import { Ledger, PATIENCE } from './ledger.ts'
import type { ArrayRecord } from './record.ts'
import type { Share } from './share.ts'
import { attemptsFolder, nodeOf, orderFile, ordersFolder, parseAttempt, stopFile } from './spool.ts'

const POLL_MS = 300
/** Between two questions to the batch system: others ask it, too. */
const LOOK_MS = { first: 1_000, most: 15_000 }
/** For guests that were asked for an orderly end. */
const STOP_MS = 10_000
/** For all of an archive to be seen. */
const ARCHIVE_MS = 60_000
/** Of one guest, told while it runs: more than any has. */
const MOST_FAILURES = 1000
/** Start of a guest, packing, and whatever else a node is slow at. */
const OVERHEAD_MS = 120_000

export interface BatchOptions {
  /** Unique over all runs: names of arrays begin with it. */
  readonly key: string
  /** For people who look at the queue. */
  readonly comment: string
  readonly limits: BatchLimits
  /** Of this run, also of earlier drivers. */
  readonly arrays: readonly ArrayRecord[]
  /** Is given all arrays when something about them has changed. */
  readonly save: (arrays: readonly ArrayRecord[]) => void
  readonly share: Share
  readonly graceMs?: number | undefined
}

/** A start of a task. */
interface Start {
  readonly folder: string
  readonly journal: Journal
  readonly order: Order
  readonly index: number
  readonly restart: string
  attempt?: Attempt
  bundle: string
  failures: number
  ended?: { readonly message: Extract<AgentMessage, { type: 'ended' }>; readonly since: number }
}

interface Order {
  readonly id: string
  readonly key: string
}

/** What a task of an array is called. */
const taskName = (array: number, index: number) => `${array}.${index}`

/** The longest that an instance takes, as guests are killed that take longer. */
export const limitOf = ({ durationMs, hangAfterMs }: PlannedInstance): number =>
  OVERHEAD_MS + durationMs + 3 * hangAfterMs + (durationMs >> 3)

export class Batch implements Workforce {
  readonly #system: BatchSystem
  readonly #options: BatchOptions
  readonly #arrays: ArrayRecord[]
  readonly #instances = new Map<string, PlannedInstance>()
  /** By their folders; undefined: nothing more is wanted of it. */
  readonly #starts = new Map<string, Start | undefined>()
  /** What of an array runs where: for those who watch. */
  readonly #running = new Map<string, { readonly node: string; readonly cpus: number }>()
  #work: { readonly ledger: Ledger; readonly listener: FleetListener; readonly collector: Collector } | undefined
  #stops: (((instance: PlannedInstance) => boolean) | undefined)[] = []
  #stoppedAt: number | undefined
  #lookAt = 0
  #lookMs = LOOK_MS.first
  #told = ''
  #wake = () => {}

  constructor(system: BatchSystem, options: BatchOptions) {
    this.#system = system
    this.#options = options
    this.#arrays = options.arrays.map(array => ({ ...array }))
  }

  async carryOut(task: Task, listener: FleetListener): Promise<void> {
    const ledger = new Ledger(performance.now(), { ...PATIENCE, graceMs: this.#options.graceMs ?? PATIENCE.graceMs })
    for (const job of task.jobs) ledger.add(job)
    this.#work = { ledger, listener, collector: new Collector(task.runDir) }
    await this.#adopt()
    for (;;) {
      await this.#withdraw()
      await this.#submit()
      await this.#receive()
      await this.#look()
      if (this.#work === undefined) return
      this.#giveUp()
      if (ledger.over) return
      await this.#pause()
    }
  }

  add(job: Job): void {
    this.#work?.ledger.add(job)
  }

  stop(concerns?: (instance: PlannedInstance) => boolean): void {
    if (concerns === undefined) this.#stoppedAt ??= performance.now()
    this.#stops.push(concerns)
    this.#wake()
  }

  async bye(): Promise<void> {
    this.#work?.collector.close()
    // Whoever was requeued, or runs where nobody saw it, has no more to do.
    for (const array of this.#arrays) {
      if (array.id === undefined || array.over) continue
      try {
        await this.#system.cancel(array.id)
        array.over = true
      } catch (error) {
        if (!(error instanceof BatchProblem)) throw error
        this.#tell('away', `what is left of job ${array.id} was not cancelled: ${error.message}`)
      }
    }
    this.#options.save(this.#arrays)
    await removed(this.#options.share.run)
    this.#work = undefined
  }

  close(): void {
    this.#work = undefined
    this.#wake()
  }

  /** What an earlier driver submitted: its results, and what of it still waits or runs. */
  async #adopt(): Promise<void> {
    const earlier = this.#arrays.filter(({ over }) => !over)
    if (earlier.length === 0) return
    const { ledger, listener } = this.#work!
    for (const array of earlier) {
      array.id ??= await this.#system.find(array.name)
      // Killed before it was submitted.
      if (array.id === undefined) array.over = true
    }
    await this.#receive()
    const states = await this.#states()
    for (const [n, { keys, over }] of this.#arrays.entries()) {
      if (over) continue
      for (const [index, key] of keys.entries()) {
        const state = states.get(taskName(n + 1, index))?.state
        if (!ledger.isOpen(key) || state === undefined || state === 'ended') continue
        if (!this.#instances.has(key)) {
          const instance = listener.due(key)
          if (instance === undefined) ledger.done(key)
          else this.#instances.set(key, this.#placed(instance, this.#arrays[n].cpus))
        }
        ledger.place(key, taskName(n + 1, index))
      }
    }
  }

  /** The jobs that are in no array yet: an array for each width, more where there are more tasks than one may have. */
  async #submit(): Promise<void> {
    const { ledger, listener } = this.#work!
    const widths = new Map<number, string[]>()
    for (const { key } of ledger.queued) {
      const instance = ledger.isOpen(key) ? listener.due(key) : undefined
      if (instance === undefined) {
        ledger.done(key)
        continue
      }
      const cpus = Math.max(1, Math.min(instance.cpus, this.#options.limits.cpus))
      this.#instances.set(key, this.#placed(instance, cpus))
      widths.set(cpus, [...(widths.get(cpus) ?? []), key])
    }
    const most = this.#options.limits.tasks
    for (const [cpus, keys] of widths)
      for (let n = 0; n < keys.length; n += most) await this.#submitArray(cpus, keys.slice(n, n + most))
  }

  async #submitArray(cpus: number, keys: readonly string[]): Promise<void> {
    const { ledger, listener } = this.#work!
    const number = this.#arrays.length + 1
    const folder = this.#folder(number)
    const instances = keys.map(key => this.#instances.get(key)!)
    await mkdir(attemptsFolder(folder), { recursive: true, mode: 0o700 })
    await mkdir(ordersFolder(folder), { recursive: true })
    for (const [index, key] of keys.entries()) {
      const order = { id: idOf(key, number, index), key, instance: instances[index] }
      await writeFile(orderFile(folder, index), JSON.stringify(order))
    }
    const record: ArrayRecord = { name: `${this.#options.key}.${number}`, cpus, keys: [...keys] }
    this.#arrays.push(record)
    this.#options.save(this.#arrays)
    try {
      record.id = await this.#system.submit(arrayOf(this.#options, record, instances, folder))
    } catch (error) {
      if (!(error instanceof BatchProblem)) throw error
      record.over = true
      for (const key of keys) this.#lose(key, error.message)
      return
    } finally {
      this.#options.save(this.#arrays)
    }
    for (const [index, key] of keys.entries()) ledger.place(key, taskName(number, index))
    const each = `${keys.length === 1 ? '1 task' : `${keys.length} tasks`} of ${cpus === 1 ? '1 CPU' : `${cpus} CPUs`}`
    listener.host(this.#status('waiting', `job ${record.id} has ${each}`))
    this.#lookSoon()
  }

  /** What it is there, not on the machine that made the plan. */
  #placed(instance: PlannedInstance, cpus: number): PlannedInstance {
    return { ...instance, oversubscribed: instance.cpus > cpus }
  }

  #folder(array: number): string {
    return join(this.#options.share.run, String(array))
  }

  /** Whatever the tasks have written since the last time. */
  async #receive(): Promise<void> {
    for (const [n, { keys, over }] of this.#arrays.entries()) {
      if (over) continue
      for (const name of await names(attemptsFolder(this.#folder(n + 1)))) {
        const start = this.#startOf(n + 1, keys, name)
        if (start !== undefined) await this.#hear(start)
        if (this.#work === undefined) return
      }
    }
  }

  #startOf(array: number, keys: readonly string[], name: string): Start | undefined {
    const folder = join(attemptsFolder(this.#folder(array)), name)
    if (this.#starts.has(folder)) return this.#starts.get(folder)
    const { index, restart } = parseAttempt(name) ?? { index: -1, restart: '' }
    const key = keys[index]
    const start =
      key === undefined
        ? undefined
        : {
            ...{ folder, journal: new Journal(folder), index, restart, bundle: '', failures: 0 },
            order: { id: idOf(key, array, index), key },
          }
    this.#starts.set(folder, start)
    return start
  }

  /** @throws what the listener throws */
  async #hear(start: Start): Promise<void> {
    const { ledger, listener } = this.#work!
    try {
      for (const message of await start.journal.read()) {
        ledger.alive(performance.now())
        this.#obey(start, message)
      }
      if (start.ended !== undefined) await this.#fetch(start, start.ended)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      if (start.attempt !== undefined) this.#over(start, start.attempt, 'refused')
      this.#starts.set(start.folder, undefined)
      const { key } = start.order
      if (ledger.isOpen(key)) this.#lose(key, `what task ${start.order.id} left is refused: ${error.message}`)
      listener.host(this.#status('away', `${start.order.id} does not do as an agent does: ${error.message}`))
    }
  }

  #obey(start: Start, message: AgentMessage): void {
    const { ledger, listener } = this.#work!
    if (message.type === 'hello') {
      this.#greet(start, message)
      return
    }
    if (start.attempt === undefined) throw new ProtocolError(`${message.type} before hello`)
    if (!('attempt' in message) || message.attempt !== start.attempt.id)
      throw new ProtocolError('it speaks of another attempt')
    const instance = this.#instances.get(start.order.key)
    if (instance === undefined || !ledger.isOpen(start.order.key)) {
      this.#vain(start)
      return
    }
    switch (message.type) {
      case 'started':
        ledger.begun(start.order.key)
        this.#busy(start)
        listener.started(start.attempt, instance)
        break
      case 'event':
        checkEvent(start, message.event as GuestEvent, instance)
        listener.heard(start.attempt, instance, message.event as GuestEvent)
        break
      case 'refused':
        this.#over(start, start.attempt, 'refused')
        this.#starts.set(start.folder, undefined)
        this.#lose(start.order.key, `${start.attempt.host} could not run it: ${message.why}`)
        break
      case 'ended':
        start.ended = { message, since: performance.now() }
    }
  }

  #greet(start: Start, hello: Extract<AgentMessage, { type: 'hello' }>): void {
    const { ledger, listener } = this.#work!
    const { order, restart } = start
    const said = hello.attempts[0]
    const host = said?.key === order.key ? nodeOf(said.attempt, order, restart) : undefined
    if (host === undefined || hello.attempts.length !== 1 || start.attempt !== undefined)
      throw new ProtocolError('its hello is not that of its task')
    start.attempt = { id: said.attempt, key: order.key, host }
    start.bundle = hello.bundle
    listener.assigned(start.attempt)
    if (!this.#instances.has(order.key) && ledger.isOpen(order.key)) {
      const instance = listener.due(order.key)
      if (instance === undefined) ledger.done(order.key)
      else this.#instances.set(order.key, this.#placed(instance, this.#arrays[Number(parentOf(order))].cpus))
    }
    if (!ledger.isOpen(order.key)) this.#vain(start)
  }

  /** Another attempt was first. */
  #vain(start: Start): void {
    this.#starts.set(start.folder, undefined)
    if (start.attempt !== undefined) this.#over(start, start.attempt, 'late')
    void this.#askToEnd(start.order)
  }

  async #fetch(start: Start, { message: { ending, archive }, since }: NonNullable<Start['ended']>): Promise<void> {
    const { ledger, listener, collector } = this.#work!
    const { order, folder: place, bundle } = start
    const attempt = start.attempt!
    const instance = this.#instances.get(order.key)
    if (instance === undefined || !ledger.isOpen(order.key)) return this.#vain(start)
    if (!(await fetchArchive(place, attempt.id, archive, collector))) {
      if (performance.now() - since > ARCHIVE_MS) throw new ProtocolError('its result is not all there')
      return
    }
    try {
      const folder = await collector.open(attempt.id, instance.name)
      const arrival = { attempt, instance, ending: ending as Ending, folder, bundle }
      const examined = await listener.examine(arrival)
      // Let go while it was looked at: whoever comes after finds it again.
      if (this.#work === undefined) return
      ledger.done(order.key)
      listener.arrived(arrival, examined)
      this.#over(start, attempt, 'counted')
      this.#starts.set(place, undefined)
      await removed(place)
    } finally {
      collector.drop(attempt.id)
    }
  }

  #over(start: Start, attempt: Attempt, how: Parameters<FleetListener['over']>[1]): void {
    this.#work!.listener.over(attempt, how)
    this.#busy(start, false)
  }

  /** What is asked for at the last stop: what has not begun is not begun any more, what runs is asked to end. */
  async #withdraw(): Promise<void> {
    const { ledger, listener } = this.#work!
    const stops = this.#stops.splice(0)
    const late = this.#stoppedAt !== undefined && performance.now() - this.#stoppedAt > STOP_MS
    if (stops.length === 0 && !late) return
    const cancelled = new Map<number, number[]>()
    for (const { key, task, begun } of ledger.placed) {
      const instance = this.#instances.get(key)
      if (instance === undefined || !(late || stops.some(concerns => concerns === undefined || concerns(instance))))
        continue
      const [array, index] = task.split('.').map(Number)
      if (begun && !late) await this.#askToEnd({ id: idOf(key, array, index), key })
      else if (listener.due(key) === undefined) {
        ledger.done(key)
        cancelled.set(array, [...(cancelled.get(array) ?? []), index])
      }
    }
    for (const [array, indexes] of cancelled) await this.#cancel(array, indexes)
  }

  async #askToEnd(order: Order): Promise<void> {
    const { array, index } = placeOf(order)
    const file = stopFile(this.#folder(array), index)
    if (!existsSync(file)) await writeFile(file, '')
  }

  async #cancel(array: number, indexes: readonly number[]): Promise<void> {
    const { id } = this.#arrays[array - 1]
    if (id === undefined) return
    try {
      await this.#system.cancel(id, indexes)
    } catch (error) {
      // What then runs in vain is told by its attempts, and cancelled at the end.
      if (!(error instanceof BatchProblem)) throw error
      this.#work?.listener.host(this.#status('away', error.message))
    }
  }

  /** Asks what became of the tasks: often at first and when something has changed, then less and less. */
  async #look(): Promise<void> {
    const work = this.#work
    if (work === undefined || performance.now() < this.#lookAt) return
    const began = performance.now()
    try {
      const states = await this.#states()
      work.ledger.observe(states, performance.now())
      this.#tellWaits(work.ledger.waits)
    } catch (error) {
      if (!(error instanceof BatchProblem)) throw error
      work.ledger.silent(error.message)
      this.#tell('away', error.message)
    }
    // A system that takes long to answer has much to do.
    this.#lookMs = Math.min(LOOK_MS.most, this.#lookMs * 1.5)
    this.#lookAt = performance.now() + Math.max(this.#lookMs, 10 * (performance.now() - began))
  }

  #lookSoon(): void {
    this.#lookMs = LOOK_MS.first
    this.#lookAt = performance.now() + this.#lookMs
  }

  async #states(): Promise<Map<string, TaskState>> {
    const numbers = new Map<string, number>()
    const sizes = new Map<string, number>()
    for (const [n, { id, over, keys }] of this.#arrays.entries()) {
      if (id === undefined || over) continue
      numbers.set(id, n + 1)
      sizes.set(id, keys.length)
    }
    const states = new Map<string, TaskState>()
    for (const { array, index, ...state } of await this.#system.look(sizes))
      states.set(taskName(numbers.get(array)!, index), state)
    return states
  }

  #giveUp(): void {
    const { ledger } = this.#work!
    for (const { key, why } of ledger.lost(performance.now())) {
      const task = ledger.placed.find(placed => placed.key === key)?.task
      this.#lose(key, why)
      if (task === undefined) continue
      const [array, index] = task.split('.').map(Number)
      void this.#cancel(array, [index])
    }
  }

  #lose(key: string, why: string): void {
    const { ledger, listener } = this.#work!
    ledger.done(key)
    // Interrupted: it is not done, and `rerun` does it.
    if (listener.due(key) !== undefined) listener.lost(key, why)
  }

  #busy({ folder, attempt, order }: Start, busy = true): void {
    if (attempt === undefined) return
    const { array } = placeOf(order)
    const cpus = this.#arrays[array - 1].cpus
    if (busy) this.#running.set(folder, { node: attempt.host, cpus })
    else if (!this.#running.delete(folder)) return
    const here = [...this.#running.values()].filter(({ node }) => node === attempt.host)
    const used = here.reduce((sum, one) => sum + one.cpus, 0)
    const all = this.#options.limits.nodes.get(attempt.host) ?? Math.max(used, cpus)
    this.#work?.listener.host({ name: attempt.host, state: 'up', cpus: all, used })
  }

  #tellWaits(waits: ReadonlyMap<string, number>): void {
    const words = [...waits].map(([why, n]) => `${n === 1 ? '1 task' : `${n} tasks`}: ${why}`)
    if (words.length > 0) this.#tell('waiting', words.join('; '))
    else if (this.#told !== '') this.#tell('waiting', 'it goes on')
    if (words.length === 0) this.#told = ''
  }

  #tell(state: HostStatus['state'], what: string): void {
    if (this.#told === what) return
    this.#told = what
    this.#work?.listener.host(this.#status(state, what))
  }

  #status(state: HostStatus['state'], what: string): HostStatus {
    return { name: this.#system.name, state, cpus: 0, used: 0, problem: `${this.#system.name}: ${what}` }
  }

  #pause(): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, POLL_MS)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

/** What an order is called: `vma-lock.2#1.7` is task 7 of the first array. */
const idOf = (key: string, array: number, index: number) => `${key}#${array}.${index}`

function placeOf({ id, key }: Order): { readonly array: number; readonly index: number } {
  const [array, index] = id
    .slice(key.length + 1)
    .split('.')
    .map(Number)
  return { array, index }
}

const parentOf = (order: Order) => placeOf(order).array - 1

/** An array as the batch system gets it. */
export function arrayOf(
  { key, comment, share }: Pick<BatchOptions, 'key' | 'comment' | 'share'>,
  { name, cpus, keys }: Pick<ArrayRecord, 'name' | 'cpus' | 'keys'>,
  instances: readonly PlannedInstance[],
  folder = join(share.run, name.slice(key.length + 1)),
): TaskArray {
  const limitMs = Math.max(...instances.map(limitOf))
  return { name, comment, folder, node: share.node, agent: share.agent, tasks: keys.length, cpus, limitMs }
}

/** A guest tells of itself only, and of each kind of failure once. @throws ProtocolError */
function checkEvent(start: Start, event: GuestEvent, { name }: PlannedInstance): void {
  if (event.type !== 'failure') return
  if (!event.failure.id.startsWith(`${name}/failures/`)) throw new ProtocolError('a failure of another instance')
  if (++start.failures > MOST_FAILURES) throw new ProtocolError(`more than ${MOST_FAILURES} failures of one guest`)
}

/** Of folders; none where there is no such folder, or not yet. */
async function names(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    return entries.filter(entry => entry.isDirectory()).map(({ name }) => name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** Somebody may still be writing there: what cannot be removed now is removed by `torture hosts clean`. */
async function removed(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true, maxRetries: 3, retryDelay: 100 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOTEMPTY' && code !== 'EBUSY') throw error
  }
}
