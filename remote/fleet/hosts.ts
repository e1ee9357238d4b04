/** The hosts of a fleet: who is here, how wide each is, and how all of them are let go. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type BundleSource, type Carrier, type HostFacts, HostProblem } from '../carrier.ts'
import type { DriverMessage } from '../protocol.ts'
import { Link } from './link.ts'

/** Who comes later than that after the first one finds what was planned without it. */
const LATE_MS = 3_000

/** No host can be used: nothing was started. */
export class NoHost extends Error {
  readonly exitCode = 3
}

export class Hosts {
  readonly #links: ReadonlyMap<string, Link>
  readonly #facts = new Map<string, HostFacts>()
  readonly #mostCpus: number

  /** Connects to all at once. @param mostCpus to use of each */
  constructor(carriers: readonly Carrier[], mostCpus: number) {
    this.#mostCpus = mostCpus
    this.#links = new Map(carriers.map(carrier => [carrier.spec.name, new Link(carrier)]))
    for (const { name, first } of this.links)
      void first.then(outcome => !(outcome instanceof HostProblem) && this.learn(name, outcome))
  }

  get links(): readonly Link[] {
    return [...this.#links.values()]
  }

  link(name: string): Link {
    return this.#links.get(name)!
  }

  /** Into the void where the host is away, or is one that only an earlier driver had. */
  send(name: string, message: DriverMessage): void {
    this.#links.get(name)?.send(message)
  }

  /** What a host says of itself, which may change while it is away. */
  learn(name: string, facts: HostFacts): void {
    this.#facts.set(name, facts)
  }

  /** That may be used of a host; 0 while nothing is known of it. */
  cpusOf(name: string): number {
    const facts = this.#facts.get(name)
    return facts === undefined ? 0 : this.#widthOf(name, facts)
  }

  #widthOf(name: string, { cpus }: HostFacts): number {
    return Math.min(this.link(name).spec.cpus ?? cpus, this.#mostCpus)
  }

  /** The bundle travels from now on, and agents start. @param runOn the name of the run on a host */
  prepare(runOn: (host: string) => string, bundle: BundleSource): void {
    for (const link of this.links) link.prepare({ run: runOn(link.name), bundle })
  }

  /**
   * Waits for the first host that is wide enough.
   * @param cpus that a host needs; 0: any will do
   * @returns false where hosts are here, and none of them is
   * @throws NoHost where no host is here
   */
  async ready(cpus: number): Promise<boolean> {
    const widths = this.links.map(async ({ name, first }) => {
      const outcome = await first
      return outcome instanceof HostProblem ? 0 : this.#widthOf(name, outcome)
    })
    const wide = widths.map(async width => ((await width) >= Math.max(cpus, 1) ? true : Promise.reject()))
    const found = await Promise.any(wide).catch(() => false)
    if (found || (await Promise.all(widths)).some(width => width > 0)) return found
    const problems = this.links.map(({ problem }) => problem?.message ?? '')
    throw new NoHost(`no host can be used, and nothing was started: ${problems.join('; ')}`)
  }

  /** The CPUs of all hosts that are here; after the first one came the others have a moment to come, too. */
  async cpus(): Promise<number> {
    let here = 0
    const widths = this.links.map(async ({ name, first }) => {
      const outcome = await first
      if (outcome instanceof HostProblem) throw outcome
      here += this.#widthOf(name, outcome)
    })
    const all = Promise.allSettled(widths)
    await Promise.any(widths).catch(() => {})
    await Promise.race([all, sleep(LATE_MS, undefined, { ref: false })])
    return Math.max(here, 1)
  }

  /** Says goodbye where the agents are to end, and lets go of the rest. */
  async bye(): Promise<void> {
    await Promise.all(this.links.map(link => link.bye()))
  }

  /** Lets go of all at once; the agents go on. */
  close(): void {
    for (const link of this.links) link.close()
  }
}
