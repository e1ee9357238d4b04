/** `torture hosts`: are the machines of a fleet fit for a run, and what have old runs left there? */
import { statSync } from 'node:fs'
import type { Argv } from 'yargs'
import type { HostCleaned } from '../../remote/clean.ts'
import { parseHosts } from '../../remote/hosts.ts'
import type { HostReport } from '../../remote/probe.ts'
import { duration, formatBytes, oneLine, plural, sum } from '../../results/format.ts'
import { paletteOf } from '../../results/reporters/palette.ts'
import { table } from '../../results/table.ts'
import { EXIT, UsageError } from '../errors.ts'
import { parseDuration } from '../plan/quantities.ts'
import { oneOf, text, texts } from './flags.ts'
import { WAYS } from './fleet.ts'

const ACTIONS = ['check', 'clean'] as const
const OLDER_THAN = '24h'

export interface HostsFlags {
  readonly action?: string
  readonly hosts?: string
  readonly 'ssh-config'?: string
  readonly 'ship-node'?: boolean
  readonly via?: string
  readonly 'slurm-option'?: readonly string[]
  readonly 'older-than': string
  readonly 'dry-run'?: boolean
  readonly json?: boolean
}

export function options(yargs: Argv) {
  return yargs
    .positional('action', { type: 'string', describe: ACTIONS.join(', ') })
    .positional('hosts', { type: 'string', describe: 'a JSON file, or names: lab-a,lab-b,local' })
    .option('ssh-config', { ...text, describe: "another ssh configuration than the user's own" })
    .option('via', { ...text, describe: `check: ${WAYS.join(', ')}; slurm asks what nodes there are` })
    .option('slurm-option', { ...texts, describe: 'slurm: an option for sbatch, as in partition=lab' })
    .option('older-than', { ...text, default: OLDER_THAN, describe: 'clean: what was used since stays' })
    .option('dry-run', { type: 'boolean', describe: 'clean: say what would be removed, and remove nothing' })
    .option('json', { type: 'boolean', describe: 'for programs' })
}

export async function main(flags: HostsFlags): Promise<number> {
  if (flags.action === undefined) throw new UsageError('torture hosts: say what, check or clean')
  const action = oneOf(flags.action, ACTIONS, 'torture hosts')
  if (flags.via !== undefined && oneOf(flags.via, WAYS, '--via') === 'slurm') {
    if (action !== 'check' || flags.hosts !== undefined)
      throw new UsageError('--via slurm: there are no hosts to name, and all there is to do is torture hosts check')
    return checkSlurm(flags)
  }
  if (flags['slurm-option'] !== undefined) throw new UsageError('--slurm-option means nothing without --via slurm')
  if (flags.hosts === undefined) {
    throw new UsageError(
      `torture hosts ${action}: name the hosts, as in torture hosts ${action} lab-a,lab-b or lab.json`,
    )
  }
  return ACT[action](flags, flags.hosts)
}

const ACT: Readonly<Record<(typeof ACTIONS)[number], (flags: HostsFlags, hosts: string) => Promise<number>>> = {
  async check(flags, hosts) {
    const specs = parseHosts(hosts)
    const { checkHosts } = await import('../../remote/probe.ts')
    const signal = interruption()
    const reports = await checkHosts(specs, sshOptions(flags), signal)
    if (flags.json) print(reports)
    else process.stdout.write(`${checkText(reports).join('\n')}\n`)
    return statusOf(
      signal,
      reports.every(({ fit }) => fit),
    )
  },
  async clean(flags, hosts) {
    const specs = parseHosts(hosts)
    const dryRun = flags['dry-run'] ?? false
    const request = {
      olderThanMs: flags['older-than'] === '0' ? 0 : parseDuration(flags['older-than'], '--older-than'),
      dryRun,
    }
    const { cleanHosts } = await import('../../remote/clean.ts')
    const signal = interruption()
    const done = await cleanHosts(specs, request, sshOptions(flags), signal)
    if (flags.json) print(done)
    else process.stdout.write(`${done.flatMap(host => cleanText(host, dryRun)).join('\n')}\n`)
    return statusOf(
      signal,
      done.every(({ cleaned }) => cleaned !== undefined),
    )
  },
}

/** What a run could have. @throws BatchProblem where Slurm does not answer */
async function checkSlurm(flags: HostsFlags): Promise<number> {
  const [{ parseOptions }, { Slurm }] = await Promise.all([
    import('../../remote/slurm/sbatch.ts'),
    import('../../remote/slurm/slurm.ts'),
  ])
  const { cpus, tasks, nodes } = await new Slurm(parseOptions(flags['slurm-option'] ?? [])).limits()
  if (flags.json) print({ nodes: [...nodes].map(([name, cpus]) => ({ name, cpus })), cpus, tasks })
  else {
    const rows = [...nodes].map(([name, cpus]) => [oneLine(name), String(cpus)])
    const limits = `${plural(nodes.size, 'node')}; a task can have ${plural(cpus, 'CPU')}, an array ${tasks} tasks`
    process.stdout.write(`${[...table([['node', 'cpus'], ...rows]), '', limits].join('\n')}\n`)
  }
  return EXIT.ok
}

function statusOf(signal: AbortSignal, good: boolean): number {
  if (signal.aborted) return EXIT.interrupted
  return good ? EXIT.ok : EXIT.infrastructure
}

const print = (value: unknown) => process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)

function sshOptions(flags: HostsFlags) {
  return { configFile: checkSshConfig(flags['ssh-config']) }
}

/** @throws UsageError where there is no such file */
export function checkSshConfig(path: string | undefined): string | undefined {
  if (path === undefined || statSync(path, { throwIfNoEntry: false })?.isFile()) return path
  throw new UsageError(`--ssh-config ${path}: there is no such file`)
}

/** Whoever presses Ctrl-C while hosts are asked does not want to wait for the slowest one. */
function interruption(): AbortSignal {
  const controller = new AbortController()
  process.once('SIGINT', () => controller.abort())
  return controller.signal
}

function checkText(reports: readonly HostReport[]): string[] {
  const palette = paletteOf(process.stdout)
  const rows = reports.map(({ name, fit, problem, hostKey, facts, cpus }) => [
    fit ? palette('green', '✔') : palette('red', '✖'),
    name,
    problem?.kind ?? 'fit',
    ...(facts === undefined
      ? []
      : [
          hostKey?.type ?? '–',
          oneLine(`${facts.node} ${facts.platform}-${facts.arch}`),
          cpus === facts.cpus ? String(cpus) : `${cpus} of ${facts.cpus}`,
          skew(facts.clockSkewMs),
          formatBytes(facts.freeBytes),
          `${facts.roundTripMs.toFixed(1)} ms`,
          // A host could say anything here, to the terminal too.
          oneLine(`${facts.directory}${facts.state === 'ours' ? '' : ` (${facts.state})`}`),
        ]),
  ])
  const head = ['', 'host', 'state', 'key', 'node', 'cpus', 'clock', 'free', 'round trip', 'directory']
  const problems = reports.flatMap(({ problem }) => problem?.message ?? [])
  const fit = reports.filter(report => report.fit).length
  const verdict =
    fit === reports.length ? `${plural(fit, 'host')} fit` : `${fit} of ${plural(reports.length, 'host')} fit`
  return [...table([head, ...rows]), '', ...problems, verdict]
}

function cleanText({ name, cleaned, problem }: HostCleaned, dryRun: boolean): string[] {
  if (cleaned === undefined) return [problem ?? `${name}: not cleaned`]
  const [verb, freed] = dryRun ? ['would remove', 'would free'] : ['removed', 'freed']
  const { removed, kept, spared } = cleaned
  const bytes = formatBytes(sum(removed.map(({ bytes }) => bytes)))
  return [
    ...removed.map(({ path, bytes }) => `${name}: ${verb} ${oneLine(path)} (${formatBytes(bytes)})`),
    ...spared.map(reason => `${name}: kept ${oneLine(reason)}`),
    removed.length === 0
      ? `${name}: nothing to remove, ${kept} kept`
      : `${name}: ${verb} ${removed.length}, ${freed} ${bytes}, ${kept} kept`,
  ]
}

const skew = (ms: number) => (Math.abs(ms) < 1000 ? `${ms} ms` : `${ms < 0 ? '-' : ''}${duration(Math.abs(ms))}`)
