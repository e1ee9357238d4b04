/** Carries a plan out on this machine: batch after batch of guests. */
import type { PlannedInstance } from '../../results/schema.ts'
import type { Bundle } from '../bundle/manifest.ts'
import { CpuPool } from './affinity.ts'
import { attend } from './attend.ts'
import type { Books } from './books.ts'
import type { Stressed } from './bridge.ts'
import type { Crew } from './crew.ts'
import type { GuestProcess } from './guest-process.ts'
import type { Stopped } from './stopped.ts'

type Execa = typeof import('execa').execa

export const LOCAL = 'local'

export class LocalCrew implements Crew {
  readonly #books: Books
  readonly #bundle: Bundle
  readonly #guests = new Map<string, { readonly guest: GuestProcess; readonly instance?: PlannedInstance }>()
  readonly #cpus = new CpuPool()
  #broken: { readonly error: unknown } | undefined

  constructor(books: Books, bundle: Bundle) {
    this.#books = books
    this.#bundle = bundle
  }

  async carryOut(): Promise<void> {
    const { execa } = await import('execa')
    const { plan } = this.#books
    const instances = new Map(plan.instances.map(instance => [instance.name, instance]))
    for (const batch of plan.batches) {
      const names = batch.filter(name => !this.#books.hasEnded(name))
      await Promise.allSettled(names.map(name => this.#attend(execa, instances.get(name)!).catch(this.#break)))
      if (this.#broken !== undefined) throw this.#broken.error
    }
  }

  stop(concerns?: Stopped['concerns']): void {
    for (const { guest, instance } of this.#guests.values()) {
      // A bridge belongs to what has ended already.
      if (concerns === undefined || (instance !== undefined && concerns(instance))) guest.stop()
    }
  }

  killAll(): void {
    for (const { guest } of this.#guests.values()) guest.kill()
  }

  /** Results that cannot be written are an end for all: what is running is not worth its time. */
  readonly #break = (error: unknown): void => {
    this.#broken ??= { error }
    this.#books.close()
    this.killAll()
  }

  /** One instance from its start to its verdict. */
  async #attend(execa: Execa, planned: PlannedInstance): Promise<void> {
    const instance = this.#books.due(planned)
    if (instance === undefined) return
    const cpu = instance.mode === 'explore' ? this.#cpus.take() : undefined
    const place = { bundle: this.#bundle, folder: this.#books.dir, cpu }
    const { guest, ended } = attend(execa, instance, place, event => this.#books.heard(instance, event))
    this.#guests.set(instance.name, { guest, instance })
    this.#books.started(instance, LOCAL)
    const attended = await ended
    this.#guests.delete(instance.name)
    this.#cpus.giveBack(cpu)
    const result = this.#books.ended(instance, attended)
    if (result !== undefined) await this.#bridge(execa, { instance, result, failures: attended.failures })
  }

  /** After a failure of real threads: can a schedule be found that repeats it? */
  async #bridge(execa: Execa, stressed: Stressed): Promise<void> {
    const books = this.#books
    if (books.interrupted || !stressed.instance.bridgeMs) return
    const { bridgeTo, crossBridge } = await import('./bridge.ts')
    const search = bridgeTo(stressed, books.dir)
    if (search === undefined) return
    const name = `${stressed.instance.name}/${search.name}`
    const cpu = this.#cpus.take()
    books.bridgeStarted(stressed.instance, { ...search, name }, LOCAL)
    const { result, interleaving } = await crossBridge(execa, stressed, search, {
      bundle: this.#bundle,
      runDir: books.dir,
      cpu,
      started: guest => this.#guests.set(name, { guest }),
      hear: event => books.bridgeHeard(name, event),
    })
    this.#guests.delete(name)
    this.#cpus.giveBack(cpu)
    books.bridgeEnded(name, stressed.result, result, interleaving)
  }
}
