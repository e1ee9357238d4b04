/**
 * Has jobs carried out by a batch system: submits them as arrays of tasks, reads the journals that those write into the
 * shared directory, and asks the system now and then what became of whoever says nothing. Results decide.
 */
import type { HostStatus } from '../../results/reporters/reporter.ts'
import type { PlannedInstance } from '../../results/schema.ts'
import { type BatchLimits, BatchProblem, type BatchSystem, type TaskState } from '../carrier.ts'
import { Collector } from '../fleet/collect.ts'
import type { Job } from '../fleet/schedule.ts'
import type { FleetListener, Task, Workforce } from '../fleet/task.ts'
import { Arrays, type Naming, placeOf, taskName } from './arrays.ts'
import { Ledger, PATIENCE } from './ledger.ts'
import { Nodes } from './nodes.ts'
import { Receiver, removed } from './receiver.ts'
import type { ArrayRecord } from './record.ts'

const POLL_MS = 300
/** Between two questions to the batch system: others ask it, too. */
const LOOK_MS = { first: 1_000, most: 15_000 }
/** For guests that were asked for an orderly end. */
const STOP_MS = 10_000

export interface BatchOptions extends Naming {
  readonly limits: BatchLimits
  /** Of this run, by earlier drivers. */
  readonly earlier: readonly ArrayRecord[]
  /** Is given all arrays when something about them has changed. */
  readonly save: (arrays: readonly ArrayRecord[]) => void
  readonly graceMs: number
}

type Concerns = (instance: PlannedInstance) => boolean

export class Batch implements Workforce {
  readonly #system: BatchSystem
  readonly #options: BatchOptions
  readonly #arrays: Arrays
  /** As they are there, not as on the machine that made the plan. */
  readonly #instances = new Map<string, PlannedInstance>()
  #work: Working | undefined
  #stops: (Concerns | undefined)[] = []
  #stoppedAt: number | undefined
  #lookAt = 0
  #lookMs = LOOK_MS.first
  #told = ''
  #broken: { readonly error: unknown } | undefined
  #wake = () => {}

  constructor(system: BatchSystem, options: BatchOptions) {
    this.#system = system
    this.#options = options
    this.#arrays = new Arrays(options, options.earlier, options.save)
  }

  async carryOut(task: Task, listener: FleetListener): Promise<void> {
    const work = this.#open(task, listener)
    await this.#adopt(work)
    while (this.#work === work) {
      await this.#withdraw(work)
      await this.#submit(work)
      await work.receiver.receive()
      if (performance.now() >= this.#lookAt) this.#ask(work)
      if (this.#broken !== undefined) throw this.#broken.error
      if (this.#work !== work) return
      this.#giveUp(work)
      if (work.ledger.over) return
      await this.#pause()
    }
  }

  add(job: Job): void {
    this.#work?.ledger.add(job)
  }

  stop(concerns?: Concerns): void {
    if (concerns === undefined) this.#stoppedAt ??= performance.now()
    this.#stops.push(concerns)
    this.#wake()
  }

  async bye(): Promise<void> {
    this.#work?.collector.close()
    // Whoever was requeued, or runs where nobody saw it, has no more to do.
    for (const [number, { id }] of this.#arrays.open) {
      if (id === undefined || (await this.#cancel(id))) this.#arrays.over(number)
    }
    await removed(this.#options.share.run)
    this.#work = undefined
  }

  close(): void {
    this.#work = undefined
    this.#wake()
  }

  #open(task: Task, listener: FleetListener): Working {
    const ledger = new Ledger(performance.now(), { ...PATIENCE, graceMs: this.#options.graceMs })
    for (const job of task.jobs) ledger.add(job)
    const collector = new Collector(task.runDir)
    const receiver = new Receiver({
      ledger,
      listener,
      collector,
      arrays: this.#arrays,
      nodes: new Nodes(this.#options.limits.nodes),
      instanceOf: (key, cpus) => this.#instanceOf(key, cpus),
      lose: (key, why) => this.#lose(key, why),
      closed: () => this.#work === undefined,
    })
    this.#work = { ledger, listener, collector, receiver }
    return this.#work
  }

  /** What an earlier driver submitted: its results, and what of it still waits or runs. */
  async #adopt({ ledger, receiver }: Working): Promise<void> {
    for (const [number, { id, name }] of this.#arrays.open) {
      const known = id ?? (await this.#system.find(name))
      // Killed before it was submitted.
      if (known === undefined) this.#arrays.over(number)
      else if (id === undefined) this.#arrays.submitted(number, known)
    }
    if (this.#arrays.open.length === 0) return
    // In this order: of a task that has ended by now the result is there by then.
    const states = await this.#states()
    await receiver.receive()
    for (const [array, { keys, cpus }] of this.#arrays.open) {
      for (const [index, key] of keys.entries()) {
        const task = taskName({ array, index })
        if (!ledger.isOpen(key) || !mayCome(states.get(task))) continue
        if (this.#instanceOf(key, cpus) !== undefined) ledger.place(key, task)
      }
    }
  }

  /** The jobs that are in no array yet: an array for each width, more where there are more tasks than one may have. */
  async #submit({ ledger }: Working): Promise<void> {
    const { cpus: widest, tasks: most } = this.#options.limits
    const widths = new Map<number, [string, PlannedInstance][]>()
    for (const { key, cpus } of ledger.queued) {
      const width = Math.max(1, Math.min(cpus, widest))
      const instance = ledger.isOpen(key) ? this.#instanceOf(key, width) : undefined
      if (instance === undefined) ledger.done(key)
      else widths.set(width, [...(widths.get(width) ?? []), [key, instance]])
    }
    for (const [cpus, tasks] of widths)
      for (let n = 0; n < tasks.length; n += most) await this.#submitArray(cpus, new Map(tasks.slice(n, n + most)))
  }

  async #submitArray(cpus: number, tasks: ReadonlyMap<string, PlannedInstance>): Promise<void> {
    const [number, array] = await this.#arrays.make(cpus, tasks)
    try {
      this.#arrays.submitted(number, await this.#system.submit(array))
    } catch (error) {
      if (!(error instanceof BatchProblem)) throw error
      this.#arrays.over(number)
      for (const key of tasks.keys()) this.#lose(key, error.message)
      return
    }
    for (const [index, key] of [...tasks.keys()].entries())
      this.#work?.ledger.place(key, taskName({ array: number, index }))
    const each = `${tasks.size === 1 ? '1 task' : `${tasks.size} tasks`} of ${cpus === 1 ? '1 CPU' : `${cpus} CPUs`}`
    this.#tell('waiting', `job ${this.#arrays.get(number).id} has ${each}`)
    this.#lookMs = LOOK_MS.first
    this.#lookAt = performance.now() + this.#lookMs
  }

  /** A job as it runs with so many CPUs; undefined: it is not to run any more. Who asks first decides. */
  #instanceOf(key: string, cpus: number): PlannedInstance | undefined {
    const known = this.#instances.get(key)
    if (known !== undefined) return known
    const instance = this.#work?.listener.due(key)
    if (instance === undefined) {
      this.#work?.ledger.done(key)
      return undefined
    }
    const placed = { ...instance, oversubscribed: instance.cpus > cpus }
    this.#instances.set(key, placed)
    return placed
  }

  /** What has not begun is not begun any more; what runs is asked to end, and after a while it is made to. */
  async #withdraw({ ledger, listener, receiver }: Working): Promise<void> {
    const stops = this.#stops.splice(0)
    const late = this.#stoppedAt !== undefined && performance.now() - this.#stoppedAt > STOP_MS
    if (stops.length === 0 && !late) return
    const concerned = (instance: PlannedInstance) => late || stops.some(concerns => concerns?.(instance) ?? true)
    const cancelled = new Map<number, number[]>()
    for (const { key, task, begun } of ledger.placed) {
      const instance = this.#instances.get(key)
      if (instance === undefined || !concerned(instance)) continue
      const { array, index } = placeOf(task)
      if (begun && !late) await receiver.askToEnd({ array, index })
      else if (listener.due(key) === undefined) {
        ledger.done(key)
        cancelled.set(array, [...(cancelled.get(array) ?? []), index])
      }
    }
    for (const [array, indexes] of cancelled) await this.#cancel(this.#arrays.get(array).id!, indexes)
  }

  /** @returns whether it was. What then runs in vain is told by its attempts, and cancelled again at the end. */
  async #cancel(id: string, indexes?: readonly number[]): Promise<boolean> {
    try {
      await this.#system.cancel(id, indexes)
      return true
    } catch (error) {
      if (!(error instanceof BatchProblem)) throw error
      this.#tell('away', `job ${id} cannot be cancelled: ${error.message}`)
      return false
    }
  }

  /** Results come in meanwhile: a controller that is away takes its time to say nothing. */
  #ask(work: Working): void {
    this.#lookAt = Number.POSITIVE_INFINITY
    this.#look(work).catch(error => {
      this.#broken = { error }
    })
  }

  /** Asks what became of the tasks: often at first, then less and less. */
  async #look({ ledger, receiver }: Working): Promise<void> {
    const began = performance.now()
    const running = ledger.placed.filter(({ begun }) => begun)
    try {
      const states = await this.#states()
      if (this.#work === undefined) return
      ledger.observe(states, performance.now())
      for (const { key, task } of running) if (states.get(task)?.state === 'waiting') receiver.perished(key)
      this.#tellWaits(ledger.waits)
    } catch (error) {
      if (!(error instanceof BatchProblem)) throw error
      ledger.silent(error.message)
      this.#tell('away', error.message)
    }
    // A system that takes long to answer has much to do.
    this.#lookMs = ledger.anxious ? LOOK_MS.first : Math.min(LOOK_MS.most, this.#lookMs * 1.5)
    this.#lookAt = performance.now() + Math.max(this.#lookMs, 10 * (performance.now() - began))
  }

  async #states(): Promise<Map<string, TaskState>> {
    const submitted = this.#arrays.open.filter(([, { id }]) => id !== undefined)
    const numbers = new Map(submitted.map(([number, { id }]) => [id!, number]))
    const sizes = new Map(submitted.map(([, { id, keys }]) => [id!, keys.length]))
    const reports = await this.#system.look(sizes)
    return new Map(
      reports.map(({ array, index, ...state }) => [taskName({ array: numbers.get(array)!, index }), state]),
    )
  }

  #giveUp({ ledger }: Working): void {
    const tasks = new Map(ledger.placed.map(({ key, task }) => [key, task]))
    for (const { key, why } of ledger.lost(performance.now())) {
      const task = tasks.get(key)
      const place = task === undefined ? undefined : placeOf(task)
      this.#lose(key, place === undefined ? why : `job ${this.#arrays.jobOf(place)}: ${why}`)
      if (place !== undefined) void this.#cancel(this.#arrays.get(place.array).id!, [place.index])
    }
  }

  #lose(key: string, why: string): void {
    const { ledger, listener } = this.#work!
    ledger.done(key)
    // Interrupted: it is not done, and `rerun` does it.
    if (listener.due(key) !== undefined) listener.lost(key, why)
  }

  #tellWaits(waits: ReadonlyMap<string, number>): void {
    const words = [...waits].map(([why, n]) => `${n === 1 ? '1 task' : `${n} tasks`}: ${why}`)
    if (words.length > 0) this.#tell('waiting', words.join('; '))
    else if (this.#told !== '' && !this.#told.startsWith('job ')) this.#tell('waiting', 'it takes its turn')
  }

  #tell(state: HostStatus['state'], what: string): void {
    if (this.#told === what) return
    this.#told = what
    const { name } = this.#system
    this.#work?.listener.host({ name, state, cpus: 0, used: 0, problem: `${name}: ${what}` })
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

/** Whether a task may still bring a result. */
const mayCome = (state: TaskState | undefined): boolean =>
  state !== undefined && (state.state !== 'ended' || state.why === undefined || state.again === true)

interface Working {
  readonly ledger: Ledger
  readonly listener: FleetListener
  readonly collector: Collector
  readonly receiver: Receiver
}
