/**
 * Real hosts to test against: an sshd of our own for each, on a high port of this machine, as the present user, with own
 * keys and an own home. Tests that need them are skipped, loudly, where there is no sshd.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket, connect as tcp } from 'node:net'
import { userInfo } from 'node:os'
import { delimiter, join } from 'node:path'
import { HostProblem, type HostSpec } from '../../remote/carrier.ts'
import { type SshReached, sshCarrier } from '../../remote/ssh/carrier.ts'
import { temporaryFolder } from './folders.ts'

interface Test {
  teardown(undo: () => unknown): unknown
}

const SSHD = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/sbin']
  .map(folder => join(folder, 'sshd'))
  .find(path => existsSync(path))

/** What tap shows instead of a test that needs sshd; false where there is one. */
export const withoutSshd: string | false = whyNot() ?? false

function whyNot(): string | undefined {
  const why =
    SSHD === undefined
      ? 'there is no sshd: apt-get install openssh-server'
      : process.getuid?.() === 0 && !makesRunFolder()
        ? '/run/sshd cannot be made'
        : undefined
  if (why !== undefined) process.stderr.write(`\nSKIPPED: tests of hosts by ssh: ${why}\n\n`)
  return why
}

/** Debian's start script makes it; sshd of the superuser asks for it. */
function makesRunFolder(): boolean {
  try {
    mkdirSync('/run/sshd', { recursive: true })
    return true
  } catch {
    return false
  }
}

/** A test that is killed takes its sshd along. */
const WHILE_WE_LIVE = '"$0" -D -e -f "$1" & read -r line; kill -9 $!'

export interface HostOptions {
  /** Lines for sshd_config. */
  readonly config?: readonly string[]
  /** What is done instead of starting the login shell: `"$SSH_ORIGINAL_COMMAND"` is what we asked for. */
  readonly force?: string
  /** Names of environment variables with their values there. */
  readonly env?: Readonly<Record<string, string>>
  /** Jump hosts before it. */
  readonly jump?: string
  /** Where ssh connects to instead of the host's port. */
  readonly through?: number
  /** Leaves its key out of known_hosts. */
  readonly unknown?: boolean
  /** More lines for its entry in the ssh configuration. */
  readonly more?: readonly string[]
}

export interface LabHost {
  readonly name: string
  readonly port: number
  readonly home: string
  readonly publicKey: string
  /** Ends its sshd; connections stay. */
  stop(): void
}

export interface SshLab {
  readonly dir: string
  readonly configFile: string
  readonly knownHosts: string
  readonly identity: string
  start(name: string, options?: HostOptions): Promise<LabHost>
  /** Adds a name for a port, in the ssh configuration only. */
  alias(name: string, port: number, more?: readonly string[]): void
  connect(name: string, spec?: Partial<HostSpec>, options?: { shipNode?: boolean }): Promise<SshReached>
  /** Why a host cannot be used. */
  refusal(name: string, spec?: Partial<HostSpec>, options?: { shipNode?: boolean }): Promise<HostProblem>
}

export function sshLab(t: Test): SshLab {
  const dir = temporaryFolder(t, 'torture-ssh')
  const children: ChildProcess[] = []
  const open: SshReached[] = []
  t.teardown(() => {
    for (const reached of open) reached.close()
    for (const child of children) child.stdin!.end()
  })
  const [configFile, knownHosts, identity] = ['ssh_config', 'known_hosts', 'id_ed25519'].map(name => join(dir, name))
  keygen(identity)
  writeFileSync(configFile, '')
  writeFileSync(knownHosts, '')

  const alias = (name: string, port: number, more: readonly string[] = []) => {
    const common = [`Port ${port}`, 'HostName 127.0.0.1', `User ${userInfo().username}`]
    const keys = [`IdentityFile ${identity}`, 'IdentitiesOnly yes', 'IdentityAgent none']
    const known = [`UserKnownHostsFile ${knownHosts}`, 'GlobalKnownHostsFile none']
    appendFileSync(configFile, [`Host ${name}`, ...more, ...common, ...keys, ...known].join('\n  ').concat('\n'))
  }

  const lab: SshLab = {
    dir,
    configFile,
    knownHosts,
    identity,
    alias,
    async start(name, options = {}) {
      const home = join(dir, name)
      mkdirSync(home)
      keygen(join(dir, `${name}.key`))
      let child!: ChildProcess
      const port = await retried(async () => {
        const free = await freePort()
        const config = join(dir, `${name}.sshd`)
        writeFileSync(config, sshdConfig(dir, name, home, free, options).join('\n').concat('\n'))
        child = spawn('sh', ['-c', WHILE_WE_LIVE, SSHD!, config], { stdio: ['pipe', 'ignore', 'pipe'] })
        children.push(child)
        await listening(child)
        return free
      })
      const publicKey = readFileSync(join(dir, `${name}.key.pub`), 'utf8')
        .split(' ')
        .slice(0, 2)
        .join(' ')
      const shown = options.through ?? port
      if (!options.unknown) appendFileSync(knownHosts, `[127.0.0.1]:${shown} ${publicKey}\n`)
      alias(name, shown, [
        ...(options.more ?? []),
        ...(options.jump === undefined ? [] : [`ProxyJump ${options.jump}`]),
      ])
      return { name, port, home, publicKey, stop: () => void child.stdin!.end() }
    },
    async connect(name, spec = {}, options = {}) {
      const carrier = sshCarrier({ name, carrier: 'ssh', ...spec }, { configFile, ...options })
      const reached = await carrier.connect(AbortSignal.timeout(60_000))
      open.push(reached)
      return reached
    },
    refusal: (...args) => refusalOf(lab.connect(...args)),
  }
  return lab
}

/** Why something that is asked of a host is refused. */
export function refusalOf(asked: Promise<unknown>): Promise<HostProblem> {
  return asked.then(
    () => Promise.reject(new Error('nothing was refused')),
    error => (error instanceof HostProblem ? error : Promise.reject(error)),
  )
}

function sshdConfig(dir: string, name: string, home: string, port: number, { config, force, env }: HostOptions) {
  const variables = Object.entries({ HOME: home, ...env }).map(([key, value]) => `${key}="${value}"`)
  return [
    ...(config ?? []),
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${join(dir, `${name}.key`)}`,
    'PidFile none',
    `AuthorizedKeysFile ${join(dir, 'id_ed25519.pub')}`,
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    `SetEnv ${variables.join(' ')}`,
    ...(force === undefined ? [] : [`ForceCommand ${force}`]),
  ]
}

export function keygen(path: string, ...more: readonly string[]): void {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', path, ...more])
}

/** sshd says so on its error stream. */
function listening(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (said.includes('Server listening on')) resolve()
    })
    child.on('exit', () => reject(new Error(`sshd does not start: ${said}`)))
  })
}

/** A port that was free a moment ago may be somebody else's by now. */
async function retried<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch {
    return action()
  }
}

function freePort(): Promise<number> {
  return new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

/** A line between a driver and a host that can be cut, or fall silent. */
export interface Line {
  readonly port: number
  /** How many bytes have gone to the host. */
  readonly sent: () => number
  readonly connections: () => number
  cut(): void
  /** Everything is swallowed from now on; the connections stay. */
  silence(): void
}

/** @param cutAfter it is cut when so many bytes have gone to the host */
export async function lineTo(t: Test, port: () => number, cutAfter = Number.POSITIVE_INFINITY): Promise<Line> {
  const sockets = new Set<Socket>()
  let sent = 0
  let connections = 0
  let silent = false
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  const server: Server = createServer(client => {
    connections++
    const host = tcp(port(), '127.0.0.1')
    for (const [from, to] of [
      [client, host],
      [host, client],
    ]) {
      sockets.add(from)
      from.on('data', data => {
        if (from === client) sent += data.length
        if (sent >= cutAfter) cut()
        else if (!silent) to.write(data)
      })
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy())
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    cut()
    server.close()
  })
  const silence = () => {
    silent = true
  }
  return {
    port: (server.address() as { port: number }).port,
    sent: () => sent,
    connections: () => connections,
    cut,
    silence,
  }
}
