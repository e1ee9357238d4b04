/** The flags of a fleet, and what they open. */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Argv } from 'yargs'
import type { BatchRecord } from '../../remote/batch/record.ts'
import type { Fleet } from '../../remote/fleet/fleet.ts'
import type * as RecordModule from '../../remote/fleet/record.ts'
import type { FleetRecord } from '../../remote/fleet/record.ts'
import { runName } from '../../results/names.ts'
import type { Bundle } from '../bundle/manifest.ts'
import { UsageError } from '../errors.ts'
import type { PlanBody } from '../plan/plan.ts'
import { parseDuration } from '../plan/quantities.ts'
import type { Books } from '../runner/books.ts'
import type { Crew } from '../runner/crew.ts'
import { DEFAULT_RESULTS, oneOf, text, texts } from './flags.ts'
import type { Destination, HostsDestination, Opening, Recorded, SlurmDestination, Workplace } from './workplace.ts'

export const WAYS = ['ssh', 'slurm'] as const

export interface FleetFlags {
  readonly hosts?: string
  readonly 'ssh-config'?: string
  readonly via?: string
  readonly 'ship-node'?: boolean
  readonly grace?: string
  readonly 'slurm-dir'?: string
  readonly 'slurm-option'?: readonly string[]
  /** Of the run store. */
  readonly results?: string
}

export function fleetOptions<T>(yargs: Argv<T>) {
  return yargs
    .option('hosts', { ...text, describe: 'machines to run on: lab-a,lab-b,local or a file, lab.json' })
    .option('ssh-config', { ...text, describe: "the ssh configuration that knows them; default: the user's own" })
    .option('via', { ...text, describe: `how they are reached: ${WAYS.join(', ')}` })
    .option('ship-node', { type: 'boolean', describe: 'take Node along to hosts that have none, or one too old' })
    .option('grace', {
      ...text,
      describe: 'a host that is away for so long has its work given to others; default: 30s; slurm: 10m',
    })
    .option('slurm-dir', {
      ...text,
      describe: 'slurm: a folder that all nodes see; default: slurm, in the folder of the run store',
    })
    .option('slurm-option', { ...texts, describe: 'slurm: an option for sbatch, as in partition=lab; may be repeated' })
}

/**
 * @param recorded where an earlier run was carried out, for a re-run that does not say
 * @returns undefined: this machine, without a fleet
 * @throws for hosts or options that cannot be understood
 */
export async function parseFleet(
  flags: FleetFlags,
  recorded: Recorded = {},
  cpus?: number,
): Promise<Destination | undefined> {
  const via = flags.via === undefined ? undefined : oneOf(flags.via, WAYS, '--via')
  const given = (names: readonly (keyof FleetFlags)[]) => names.find(flag => flags[flag] !== undefined)
  const bySlurm = via === 'slurm' || (via === undefined && flags.hosts === undefined && recorded.batch !== undefined)
  if (bySlurm) {
    const stray = given(['hosts', 'ssh-config'])
    if (stray !== undefined) throw new UsageError(`--${stray} is for hosts by ssh: leave it out, or --via slurm`)
    return parseSlurm(flags, recorded.batch, cpus)
  }
  const misplaced = given(['slurm-dir', 'slurm-option'])
  if (misplaced !== undefined) throw new UsageError(`--${misplaced} means nothing without --via slurm`)
  if (flags.hosts === undefined && recorded.fleet === undefined) {
    const stray = given(['ssh-config', 'via', 'ship-node', 'grace'])
    if (stray !== undefined) throw new UsageError(`--${stray} means nothing without --hosts`)
    return undefined
  }
  return parseSsh(flags, recorded.fleet, cpus)
}

async function parseSsh(
  flags: FleetFlags,
  recorded: FleetRecord | undefined,
  cpus: number | undefined,
): Promise<HostsDestination> {
  const given = flags['ssh-config']
  if (given !== undefined && !existsSync(given)) throw new UsageError(`--ssh-config ${given}: there is no such file`)
  const sshConfig = given === undefined ? recorded?.sshConfig : resolve(given)
  const hosts =
    flags.hosts === undefined ? recorded!.hosts : (await import('../../remote/hosts.ts')).parseHosts(flags.hosts)
  return { via: 'ssh', hosts, sshConfig, ...parseCommon(flags), cpus }
}

async function parseSlurm(
  flags: FleetFlags,
  recorded: BatchRecord | undefined,
  cpus: number | undefined,
): Promise<SlurmDestination> {
  const { parseOptions } = await import('../../remote/slurm/sbatch.ts')
  const directory = flags['slurm-dir'] ?? recorded?.directory ?? join(flags.results ?? DEFAULT_RESULTS, 'slurm')
  const options = parseOptions(flags['slurm-option'] ?? recorded?.options ?? [])
  return { via: 'slurm', directory: resolve(directory), options, ...parseCommon(flags), cpus }
}

const parseCommon = (flags: FleetFlags) => ({
  shipNode: flags['ship-node'] ?? false,
  ...(flags.grace !== undefined && { graceMs: parseDuration(flags.grace, '--grace') }),
})

/** A fleet whose hosts are being connected to. */
export class OpenFleet implements Workplace {
  readonly #fleet: Fleet
  readonly #destination: HostsDestination
  readonly #oversubscribe: boolean
  readonly #books: typeof RecordModule
  readonly #record: FleetRecord
  #stored!: (dir: string) => void
  /** Where the bundle lies when the run is stored. */
  readonly #dir = new Promise<string>(resolve => {
    this.#stored = resolve
  })

  private constructor(
    fleet: Fleet,
    books: typeof RecordModule,
    destination: HostsDestination,
    { oversubscribe, recorded }: Opening,
  ) {
    this.#fleet = fleet
    this.#books = books
    this.#destination = destination
    this.#oversubscribe = oversubscribe
    const { hosts, sshConfig } = destination
    this.#record = {
      key: recorded?.fleet?.key ?? `${runName(new Date())}-${randomBytes(4).toString('hex')}`,
      session: (recorded?.fleet?.session ?? 0) + 1,
      hosts,
      sshConfig,
    }
  }

  /** Begins to connect to all hosts. */
  static async open(destination: HostsDestination, opening: Opening): Promise<OpenFleet> {
    const [{ Fleet }, { carrierOf }, books] = await Promise.all([
      import('../../remote/fleet/fleet.ts'),
      import('../../remote/carriers.ts'),
      import('../../remote/fleet/record.ts'),
    ])
    const { hosts, sshConfig, cpus, shipNode } = destination
    const carriers = await Promise.all(hosts.map(spec => carrierOf(spec, { configFile: sshConfig, shipNode })))
    return new OpenFleet(new Fleet(carriers, cpus), books, destination, opening)
  }

  cpus(): Promise<number> {
    return this.#fleet.cpus()
  }

  async ready({ instances }: Pick<PlanBody, 'instances'>, bundle: Bundle): Promise<void> {
    if (!existsSync(join(bundle.dir, 'agent.js')))
      throw new UsageError('the bundle was made before torture had fleets: start a new run with torture run --hosts')
    const { key } = this.#record
    this.#fleet.prepare(host => `${key}-${host}`, { hash: bundle.hash, dir: this.#dir })
    const widest = instances.reduce((a, b) => (b.cpus > a.cpus ? b : a))
    if (await this.#fleet.ready(this.#oversubscribe ? 0 : widest.cpus)) return
    throw new UsageError(
      `${widest.name}: ${widest.cpus} threads fit none of the hosts: lower --threads, or leave out --no-oversubscribe`,
    )
  }

  write(runDir: string): void {
    this.#books.writeFleet(runDir, this.#record)
  }

  async hire(bundle: Bundle, runDir: string): Promise<(books: Books) => Crew> {
    const { FleetCrew } = await import('../runner/fleet.ts')
    this.#stored(bundle.dir)
    const { session } = this.#record
    const { graceMs } = this.#destination
    const work = {
      fleet: this.#fleet,
      bundle,
      session,
      earlier: this.#books.readAttempts(runDir),
      oversubscribe: this.#oversubscribe,
      ...(graceMs !== undefined && { graceMs }),
    }
    return books => new FleetCrew(books, work)
  }

  close(): void {
    this.#fleet.close()
  }
}

/** `--dry-run`. */
export function describeDestination(destination: Destination): string {
  if (destination.via === 'slurm') return 'by Slurm, a task for each instance; it was not asked\n'
  const names = destination.hosts.map(({ name, cpus }) => (cpus === undefined ? name : `${name} (${cpus} CPUs)`))
  return `on ${names.join(', ')}, each by its own CPUs; none was connected to\n`
}
