/**
 * Where a host is and how to reach it: the answer of the user's ssh configuration. `ssh -G` gives OpenSSH's own, exact to
 * the last `Match` and `Include`; where there is no ssh the reader beside this file answers.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir, hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import { HostProblem, type HostSpec } from '../carrier.ts'
import { Slots } from '../slots.ts'
import { type Overrides, one, parseSettings, type Settings } from './settings.ts'

/** One machine on the way; the last one is the host itself. */
export interface Hop {
  /** What the configuration knows it by. */
  readonly alias: string
  readonly address: string
  readonly port: number
  readonly user: string
  readonly identityFiles: readonly string[]
  readonly identitiesOnly: boolean
  /** Socket of the agent that holds keys. */
  readonly agent: string | undefined
  readonly knownHosts: readonly string[]
  readonly revokedKeys: readonly string[]
  /** The name under which known_hosts has it, where that is another. */
  readonly keyAlias: string | undefined
  readonly connectTimeoutMs: number | undefined
  /** How a person would go there. */
  readonly command: string
}

const MOST_HOPS = 8
const ASK_MS = 20_000
/** A fleet may have a thousand hosts: not as many processes at once. */
const asking = new Slots(8)

/**
 * The way to a host, the first jump host first.
 * @param configFile another file than the user's own
 * @throws {HostProblem}
 */
export async function routeTo(spec: HostSpec, configFile?: string): Promise<readonly Hop[]> {
  const ask = async (alias: string, overrides: Overrides): Promise<Settings> => {
    try {
      return await settingsOf(alias, overrides, configFile)
    } catch (error) {
      throw new HostProblem('config', spec.name, `the ssh configuration: ${(error as Error).message}`, { cause: error })
    }
  }
  const route: Hop[] = []
  let jumps: readonly Jump[] = [{ alias: spec.alias ?? spec.name, ...overridesOf(spec) }]
  // From the host backwards: each machine may need others before it, unless its way was given with it.
  while (jumps.length > 0) {
    const { alias, ...overrides } = jumps[jumps.length - 1]
    if (route.length === MOST_HOPS) throw new HostProblem('config', spec.name, `more than ${MOST_HOPS} jump hosts`)
    const settings = await ask(alias, overrides)
    refuseUnsupported(spec, alias, settings)
    route.unshift(hopOf(alias, settings, configFile))
    jumps = jumps.length > 1 ? jumps.slice(0, -1) : jumpsOf(spec, one(settings, 'proxyjump'))
  }
  return route
}

type Jump = Overrides & { readonly alias: string }

function overridesOf({ address, port, user }: HostSpec): Overrides {
  return { address, port, user }
}

/** `-G` prints what it would do with passwords, too; only keys are used here. */
function refuseUnsupported({ name }: HostSpec, alias: string, settings: Settings): void {
  const command = one(settings, 'proxycommand')
  if (command === undefined || command === 'none') return
  throw new HostProblem(
    'config',
    name,
    `ProxyCommand of ${alias} is not carried out: say ProxyJump in the ssh configuration`,
  )
}

/** `user@first:2222,second` */
function jumpsOf({ name }: HostSpec, text: string | undefined): readonly Jump[] {
  if (text === undefined || text.toLowerCase() === 'none') return []
  return text.split(',').map(jump => {
    const match = /^(?:ssh:\/\/)?(?:([^@]+)@)?(\[[^\]]+\]|[^:@[\]]+)(?::(\d{1,5}))?\/?$/.exec(jump.trim())
    if (match === null) throw new HostProblem('config', name, `ProxyJump ${jump} cannot be understood`)
    const [, user, host, port] = match
    return { alias: host.replace(/^\[|\]$/g, ''), user, port: port === undefined ? undefined : Number(port) }
  })
}

/** What OpenSSH makes of an alias, or our reader where there is no ssh. */
async function settingsOf(alias: string, overrides: Overrides, configFile: string | undefined): Promise<Settings> {
  const args = [
    ...(configFile === undefined ? [] : ['-F', configFile]),
    ...(overrides.user === undefined ? [] : ['-l', overrides.user]),
    ...(overrides.port === undefined ? [] : ['-p', String(overrides.port)]),
    ...(overrides.address === undefined ? [] : ['-o', `HostName=${overrides.address}`]),
  ]
  const said = await asking.use(() => askSsh([...args, '-G', '--', alias]))
  if (said !== undefined) return parseSettings(said)
  const { readSettings } = await import('./config-reader.ts')
  return readSettings(alias, overrides, configFile)
}

/** @returns undefined where there is no ssh */
function askSsh(args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const child = execFile('ssh', args, { timeout: ASK_MS, maxBuffer: 1 << 22 }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout)
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return resolve(undefined)
      const lines = stderr.split(/\r?\n/).filter(line => line !== '' && !line.startsWith('Pseudo-terminal'))
      reject(new Error(lines[0] ?? error.message.split('\n')[0]))
    })
    child.stdin?.end()
  })
}

export function hopOf(alias: string, settings: Settings, configFile?: string): Hop {
  const address = one(settings, 'hostname') ?? alias
  const port = Number(one(settings, 'port') ?? 22)
  const user = one(settings, 'user') ?? userInfo().username
  const tokens: Readonly<Record<string, string>> = {
    '%': '%',
    d: userHome(),
    h: address,
    i: String(userInfo().uid),
    k: one(settings, 'hostkeyalias') ?? alias,
    L: hostname().split('.')[0],
    l: hostname(),
    n: alias,
    p: String(port),
    r: user,
    u: userInfo().username,
  }
  const path = (text: string) => inHome(text.replace(/%(.)/g, (whole, key: string) => tokens[key] ?? whole))
  const timeout = Number(one(settings, 'connecttimeout'))
  return {
    alias,
    address,
    port,
    user,
    identityFiles: (settings.get('identityfile') ?? []).filter(file => file.toLowerCase() !== 'none').map(path),
    identitiesOnly: one(settings, 'identitiesonly') === 'yes',
    agent: agentOf(one(settings, 'identityagent'), path),
    knownHosts: ['userknownhostsfile', 'globalknownhostsfile'].flatMap(key => files(one(settings, key), path)),
    revokedKeys: files(one(settings, 'revokedhostkeys'), path),
    keyAlias: one(settings, 'hostkeyalias'),
    connectTimeoutMs: timeout > 0 ? timeout * 1000 : undefined,
    command: `ssh ${configFile === undefined ? '' : `-F ${typed(configFile)} `}${alias}`,
  }
}

/** ssh takes the home of the password file, whatever HOME says. */
function userHome(): string {
  return userInfo().homedir || homedir()
}

const inHome = (path: string) => (path === '~' || path.startsWith('~/') ? join(userHome(), path.slice(1)) : path)

function agentOf(text: string | undefined, path: (text: string) => string): string | undefined {
  if (text === undefined || text === 'SSH_AUTH_SOCK') return process.env.SSH_AUTH_SOCK || undefined
  if (text.toLowerCase() === 'none') return undefined
  if (text.startsWith('$')) return process.env[text.slice(1).replace(/^\{(.*)\}$/, '$1')] || undefined
  return path(text)
}

/** Several paths in one line, without quotes: where one has blanks, the longest that is a file is meant. */
function files(text: string | undefined, path: (text: string) => string): string[] {
  if (text === undefined || text.toLowerCase() === 'none') return []
  const words = text.split(' ')
  const found: string[] = []
  for (let from = 0; from < words.length; ) {
    let to = words.length
    while (to > from + 1 && !existsSync(path(words.slice(from, to).join(' ')))) to--
    found.push(path(words.slice(from, to).join(' ')))
    from = to
  }
  return found
}

/** A word as one would type it into a shell. */
export const typed = (text: string) => (/^[\w./@:%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)
