/** A run that Slurm carries out. */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { arrayOf } from '../../remote/batch/arrays.ts'
import { Batch } from '../../remote/batch/batch.ts'
import { type BatchRecord, writeBatch } from '../../remote/batch/record.ts'
import { prepare, type Share } from '../../remote/batch/share.ts'
import { withdraw } from '../../remote/batch/withdraw.ts'
import type { BatchLimits } from '../../remote/carrier.ts'
import { Slurm } from '../../remote/slurm/slurm.ts'
import { runName } from '../../results/names.ts'
import type { Bundle } from '../bundle/manifest.ts'
import { UsageError } from '../errors.ts'
import type { PlanBody } from '../plan/plan.ts'
import type { Books } from '../runner/books.ts'
import type { Crew } from '../runner/crew.ts'
import type { Opening, SlurmDestination, Workplace } from './workplace.ts'

const GRACE_MS = 600_000

/** A run that Slurm had is completed by hosts: what still waits or runs of it is cancelled. */
export async function leaveSlurm(runDir: string, record: BatchRecord): Promise<void> {
  const save = (arrays: BatchRecord['arrays']) => writeBatch(runDir, { ...record, arrays })
  for (const problem of await withdraw(new Slurm(record.options), record, all => save([...all])))
    process.stderr.write(`torture: Slurm: ${problem}\n`)
}

/** Asks Slurm at once what it has. @throws BatchProblem where it does not answer */
export async function openSlurm(destination: SlurmDestination, opening: Opening): Promise<Workplace> {
  const slurm = new Slurm(destination.options)
  const limits = await slurm.limits()
  const cpus = Math.min(limits.cpus, destination.cpus ?? limits.cpus)
  return new OpenSlurm(slurm, { ...limits, cpus }, destination, opening)
}

class OpenSlurm implements Workplace {
  readonly #slurm: Slurm
  readonly #limits: BatchLimits
  readonly #destination: SlurmDestination
  readonly #oversubscribe: boolean
  readonly #record: Omit<BatchRecord, 'schema'>
  #share: Share | undefined

  constructor(slurm: Slurm, limits: BatchLimits, destination: SlurmDestination, { oversubscribe, recorded }: Opening) {
    const { directory, options } = destination
    const earlier = recorded?.batch
    const open = earlier?.arrays.filter(({ over }) => !over) ?? []
    if (earlier !== undefined && open.length > 0 && earlier.directory !== directory) {
      throw new UsageError(`what still runs of it writes to ${earlier.directory}: leave out --slurm-dir`)
    }
    this.#slurm = slurm
    this.#limits = limits
    this.#destination = destination
    this.#oversubscribe = oversubscribe
    this.#record = {
      system: 'slurm',
      key: earlier?.key ?? `torture-${runName(new Date())}-${randomBytes(4).toString('hex')}`,
      directory,
      options: [...options],
      arrays: earlier?.arrays ?? [],
    }
  }

  async cpus(): Promise<undefined> {
    return undefined
  }

  async ready({ instances }: Pick<PlanBody, 'instances'>, bundle: Bundle): Promise<void> {
    if (!existsSync(join(bundle.dir, 'agent.js')))
      throw new UsageError(
        'the bundle was made before torture had fleets: start a new run with torture run --via slurm',
      )
    const { cpus } = this.#limits
    const widest = instances.reduce((a, b) => (b.cpus > a.cpus ? b : a))
    if (!this.#oversubscribe && widest.cpus > cpus) {
      throw new UsageError(
        `${widest.name}: ${widest.cpus} threads fit none of the nodes: lower --threads, or leave out --no-oversubscribe`,
      )
    }
    const { key, directory } = this.#record
    const nowhere = { directory, run: directory, node: process.execPath, agent: join(bundle.dir, 'agent.js') }
    const array = { name: `${key}.0`, cpus: Math.max(1, Math.min(widest.cpus, cpus)), keys: ['one'] }
    await this.#slurm.check(arrayOf({ key, comment: 'torture', share: nowhere }, array, instances))
    this.#share = prepare(directory, key, bundle, this.#destination.shipNode)
  }

  write(runDir: string): void {
    writeBatch(runDir, this.#record)
  }

  async hire(bundle: Bundle, runDir: string): Promise<(books: Books) => Crew> {
    const { FleetCrew } = await import('../runner/fleet.ts')
    const { key, arrays } = this.#record
    const { graceMs = GRACE_MS } = this.#destination
    const fleet = new Batch(this.#slurm, {
      key,
      comment: `torture: ${runDir} on ${hostname()}`,
      limits: this.#limits,
      earlier: arrays,
      save: all => writeBatch(runDir, { ...this.#record, arrays: [...all] }),
      share: this.#share!,
      graceMs,
    })
    const work = { fleet, bundle, key, session: 0, earlier: [], oversubscribe: this.#oversubscribe, graceMs }
    return books => new FleetCrew(books, work)
  }

  close(): void {}
}
