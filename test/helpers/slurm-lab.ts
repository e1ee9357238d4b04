/**
 * A Slurm of our own: munge, a controller and two nodes of one CPU each, on this machine, in a folder of its own, on
 * free ports. Tests that need it are skipped, loudly, where Slurm is not installed, or we are not the superuser.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { hostname } from 'node:os'
import { delimiter, join } from 'node:path'
import { temporaryFolder } from './folders.ts'

interface Test {
  teardown(undo: () => unknown): unknown
}

const NEEDED = ['munged', 'slurmctld', 'slurmd', 'sbatch', 'squeue', 'scancel', 'scontrol', 'sinfo']
const PATH = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/sbin']
const START_MS = 60_000

/** What tap shows instead of a test that needs Slurm; false where there is one. */
export const withoutSlurm: string | false = whyNot() ?? false

function whyNot(): string | undefined {
  const missing = NEEDED.filter(program => !PATH.some(folder => existsSync(join(folder, program))))
  const why =
    missing.length > 0
      ? `there is no ${missing.join(', ')}: apt-get install slurmctld slurmd slurm-client munge`
      : process.getuid?.() !== 0
        ? 'its daemons want to be started by the superuser'
        : undefined
  if (why !== undefined) process.stderr.write(`\nSKIPPED: tests of Slurm: ${why}\n\n`)
  return why
}

/** A test that is killed takes its daemons along. */
const WHILE_WE_LIVE = '"$@" & read -r line; kill -9 $!'

export interface SlurmLab {
  /** For whoever is to use it. */
  readonly env: Readonly<Record<string, string>>
  /** Starts one of Slurm's programs, and returns what it prints. */
  ask(program: string, ...args: string[]): string
  /** The node's daemon is gone from one moment to the next; what it has started stays. */
  killNode(name: 'n1' | 'n2'): void
}

export async function slurmLab(t: Test): Promise<SlurmLab> {
  const dir = temporaryFolder(t, 'torture-slurm')
  const daemons = new Map<string, ChildProcess>()
  const env = { ...process.env, PATH: PATH.join(delimiter), SLURM_CONF: join(dir, 'slurm.conf') } as Record<
    string,
    string
  >
  const start = (name: string, ...command: string[]) => {
    const child = spawn('sh', ['-c', WHILE_WE_LIVE, 'sh', ...command], { env, stdio: ['pipe', 'ignore', 'ignore'] })
    child.stdin!.on('error', () => {})
    daemons.set(name, child)
  }
  t.teardown(async () => {
    const gone = [...daemons.values()].map(child => new Promise(resolve => child.once('close', resolve)))
    for (const child of daemons.values()) child.stdin!.end()
    await Promise.all(gone)
  })
  const ports = await freePorts(3)
  writeFileSync(join(dir, 'munge.key'), randomBytes(128), { mode: 0o600 })
  for (const folder of ['ctld', 'spool']) mkdirSync(join(dir, folder))
  writeFileSync(join(dir, 'slurm.conf'), configuration(dir, ports))
  const munge = (option: string, name: string) => `--${option}=${join(dir, name)}`
  start(
    'munged',
    ...['munged', '--foreground', '--force', munge('socket', 'munge.socket'), munge('key-file', 'munge.key')],
    ...[munge('log-file', 'munge.log'), munge('pid-file', 'munge.pid'), munge('seed-file', 'munge.seed')],
  )
  await until(() => existsSync(join(dir, 'munge.socket')), 'munged')
  start('slurmctld', 'slurmctld', '-D')
  for (const node of ['n1', 'n2']) start(node, 'slurmd', '-D', '-N', node)
  const ask = (program: string, ...args: string[]) =>
    execFileSync(program, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  await until(
    () => idleNodes(ask) === 2,
    'Slurm',
    () => tail(join(dir, 'ctld.log')),
  )
  return { env, ask, killNode: name => process.kill(Number(readFileSync(join(dir, `${name}.pid`), 'utf8')), 'SIGKILL') }
}

/** Ids of the tasks that are there: `17_3`. */
export const tasksOf = (lab: SlurmLab, ...states: string[]) =>
  lab
    .ask('squeue', '--array', '--noheader', '--format=%F_%K', ...(states.length > 0 ? ['-t', states.join(',')] : []))
    .split('\n')
    .filter(line => line !== '')

/** Nothing waits or runs; what has ended is listed for another moment. */
export const emptied = (lab: SlurmLab) =>
  until(
    () => tasksOf(lab).length === 0,
    'an empty queue',
    () => tasksOf(lab).join(),
  )

function configuration(dir: string, [controller, ...nodes]: readonly number[]): string {
  const [host] = hostname().split('.')
  return [
    'ClusterName=lab',
    `SlurmctldHost=${host}(127.0.0.1)`,
    'SlurmUser=root',
    'SlurmdUser=root',
    `SlurmctldPort=${controller}`,
    'AuthType=auth/munge',
    `AuthInfo=socket=${dir}/munge.socket`,
    `StateSaveLocation=${dir}/ctld`,
    `SlurmdSpoolDir=${dir}/spool/%n`,
    `SlurmctldPidFile=${dir}/ctld.pid`,
    `SlurmdPidFile=${dir}/%n.pid`,
    `SlurmctldLogFile=${dir}/ctld.log`,
    `SlurmdLogFile=${dir}/%n.log`,
    'ProctrackType=proctrack/linuxproc',
    'TaskPlugin=task/none',
    'SelectType=select/cons_tres',
    'SelectTypeParameters=CR_Core',
    'MpiDefault=none',
    'ReturnToService=2',
    'SwitchType=switch/none',
    'JobAcctGatherType=jobacct_gather/none',
    'AccountingStorageType=accounting_storage/none',
    'SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0',
    'SlurmdTimeout=10',
    'KillWait=1',
    ...nodes.map(
      (port, n) =>
        `NodeName=n${n + 1} NodeHostname=${host} NodeAddr=127.0.0.1 Port=${port} CPUs=1 RealMemory=500 State=UNKNOWN`,
    ),
    'PartitionName=lab Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP',
    '',
  ].join('\n')
}

function idleNodes(ask: SlurmLab['ask']): number {
  try {
    return ask('sinfo', '--Node', '--noheader', '--format=%T')
      .split('\n')
      .filter(state => state === 'idle').length
  } catch {
    // Nobody answers yet.
    return 0
  }
}

const tail = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(-5).join('; ') : '')

export async function until(done: () => boolean, what: string, more: () => string = () => ''): Promise<void> {
  for (const end = Date.now() + START_MS; !done(); ) {
    if (Date.now() > end) throw new Error(`${what}: not within ${START_MS / 1000} s ${more()}`)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      return server
    }),
  )
  const ports = servers.map(server => (server.address() as { port: number }).port)
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
  return ports
}
