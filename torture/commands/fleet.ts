/** The flags of a fleet, and what they open. */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Argv } from 'yargs'
import type { HostSpec } from '../../remote/carrier.ts'
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
import { oneOf, text } from './flags.ts'

const WAYS = ['ssh', 'slurm'] as const

export interface FleetFlags {
  readonly hosts?: string
  readonly 'ssh-config'?: string
  readonly via?: string
  readonly 'ship-node'?: boolean
  readonly grace?: string
}

export function fleetOptions<T>(yargs: Argv<T>) {
  return yargs
    .option('hosts', { ...text, describe: 'machines to run on: lab-a,lab-b,local or a file, lab.json' })
    .option('ssh-config', { ...text, describe: "the ssh configuration that knows them; default: the user's own" })
    .option('via', { ...text, describe: `how they are reached: ${WAYS.join(', ')}` })
    .option('ship-node', { type: 'boolean', describe: 'take Node along to hosts that have none, or one too old' })
    .option('grace', {
      ...text,
      describe: 'a host that is away for so long has its work given to others; default: 30s',
    })
}

/** What a run needs to know to be carried out by a fleet. */
export interface Destination {
  readonly hosts: readonly HostSpec[]
  readonly sshConfig?: string | undefined
  readonly shipNode: boolean
  readonly graceMs?: number
  /** Most CPUs to use of a host. */
  readonly cpus?: number | undefined
}

/**
 * @param recorded the fleet that an earlier run had, for a re-run that names none
 * @returns undefined: this machine, without a fleet
 * @throws for hosts that cannot be understood
 */
export async function parseFleet(
  flags: FleetFlags,
  recorded?: FleetRecord,
  cpus?: number,
): Promise<Destination | undefined> {
  if (flags.via !== undefined && oneOf(flags.via, WAYS, '--via') === 'slurm')
    throw new UsageError('--via slurm is not in this version: see ROADMAP.md')
  if (flags.hosts === undefined && recorded === undefined) {
    const stray = (['ssh-config', 'via', 'ship-node', 'grace'] as const).find(flag => flags[flag] !== undefined)
    if (stray !== undefined) throw new UsageError(`--${stray} means nothing without --hosts`)
    return undefined
  }
  const given = flags['ssh-config']
  if (given !== undefined && !existsSync(given)) throw new UsageError(`--ssh-config ${given}: there is no such file`)
  const sshConfig = given === undefined ? recorded?.sshConfig : resolve(given)
  const hosts =
    flags.hosts === undefined ? recorded!.hosts : (await import('../../remote/hosts.ts')).parseHosts(flags.hosts)
  return {
    hosts,
    sshConfig,
    shipNode: flags['ship-node'] ?? false,
    ...(flags.grace !== undefined && { graceMs: parseDuration(flags.grace, '--grace') }),
    cpus,
  }
}

interface Opening {
  /** Whether instances may be wider than their host. */
  readonly oversubscribe: boolean
  /** The fleet of the driver before, whose attempts are looked for. */
  readonly recorded?: FleetRecord | undefined
}

/** A fleet whose hosts are being connected to. */
export class OpenFleet {
  readonly #fleet: Fleet
  readonly #destination: Destination
  readonly #oversubscribe: boolean
  readonly #books: typeof RecordModule
  readonly #record: FleetRecord

  private constructor(
    fleet: Fleet,
    books: typeof RecordModule,
    destination: Destination,
    { oversubscribe, recorded }: Opening,
  ) {
    this.#fleet = fleet
    this.#books = books
    this.#destination = destination
    this.#oversubscribe = oversubscribe
    const { hosts, sshConfig } = destination
    this.#record = {
      key: recorded?.key ?? `${runName(new Date())}-${randomBytes(4).toString('hex')}`,
      session: (recorded?.session ?? 0) + 1,
      hosts,
      sshConfig,
    }
  }

  /** Begins to connect to all hosts. */
  static async open(destination: Destination, opening: Opening): Promise<OpenFleet> {
    const [{ Fleet }, { carrierOf }, books] = await Promise.all([
      import('../../remote/fleet/fleet.ts'),
      import('../../remote/carriers.ts'),
      import('../../remote/fleet/record.ts'),
    ])
    const { hosts, sshConfig, cpus, shipNode } = destination
    const carriers = await Promise.all(hosts.map(spec => carrierOf(spec, { configFile: sshConfig, shipNode })))
    return new OpenFleet(new Fleet(carriers, cpus), books, destination, opening)
  }

  /**
   * Waits until something can begin.
   * @throws UsageError where an instance fits no host, or the bundle is of before there were fleets; where no host can
   * be used, an error that says why
   */
  async ready({ instances }: Pick<PlanBody, 'instances'>, bundle: Bundle): Promise<void> {
    if (!existsSync(join(bundle.dir, 'agent.js')))
      throw new UsageError('the bundle was made before torture had fleets: start a new run with torture run --hosts')
    const widest = instances.reduce((a, b) => (b.cpus > a.cpus ? b : a))
    if (await this.#fleet.ready(this.#oversubscribe ? 0 : widest.cpus)) return
    throw new UsageError(
      `${widest.name}: ${widest.cpus} threads fit none of the hosts: lower --threads, or leave out --no-oversubscribe`,
    )
  }

  /** Into the run's folder: a driver that comes after finds by it what still runs out there. */
  write(runDir: string): void {
    this.#books.writeFleet(runDir, this.#record)
  }

  async hire(bundle: Bundle, runDir: string): Promise<(books: Books) => Crew> {
    const { FleetCrew } = await import('../runner/fleet.ts')
    const { key, session } = this.#record
    const { graceMs } = this.#destination
    const work = {
      fleet: this.#fleet,
      bundle,
      key,
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
export const describeHosts = ({ hosts }: Destination): string =>
  `on ${hosts.map(({ name, cpus }) => (cpus === undefined ? name : `${name} (${cpus} CPUs)`)).join(', ')}, each by its own CPUs; none was connected to\n`
