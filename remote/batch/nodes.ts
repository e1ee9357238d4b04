/** Which nodes are at work for us, and with how many CPUs: for those who watch. */
import type { HostStatus } from '../../results/reporters/reporter.ts'

export class Nodes {
  readonly #cpus: ReadonlyMap<string, number>
  readonly #running = new Map<string, { readonly node: string; readonly cpus: number }>()

  /** @param cpus of nodes by their names, as far as they are known */
  constructor(cpus: ReadonlyMap<string, number>) {
    this.#cpus = cpus
  }

  /** @param attempt that has begun on the node */
  begun(attempt: string, node: string, cpus: number): HostStatus {
    this.#running.set(attempt, { node, cpus })
    return this.#status(node, cpus)
  }

  /** @returns undefined: it was over already, or had never begun */
  over(attempt: string): HostStatus | undefined {
    const known = this.#running.get(attempt)
    if (known === undefined) return undefined
    this.#running.delete(attempt)
    return this.#status(known.node, known.cpus)
  }

  #status(name: string, least: number): HostStatus {
    const here = [...this.#running.values()].filter(({ node }) => node === name)
    const used = here.reduce((sum, { cpus }) => sum + cpus, 0)
    return { name, state: 'up', cpus: this.#cpus.get(name) ?? Math.max(used, least), used }
  }
}
