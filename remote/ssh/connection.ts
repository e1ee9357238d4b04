/** A connection to a host, over its jump hosts: every machine's key is verified, a dead link is noticed in seconds. */
import type { Duplex } from 'node:stream'
import ssh2, { type Client } from 'ssh2'
import { HostProblem, type ProblemKind } from '../carrier.ts'
import type { Hop } from './config.ts'
import { keysFor } from './keys.ts'
import {
  fingerprint,
  judgeKey,
  type KnownKey,
  keyAlgorithms,
  knownKeys,
  lookupName,
  revokedKeys,
} from './known-hosts.ts'
import { refusal } from './refusal.ts'

/** From the first packet to being logged in, unless ConnectTimeout says otherwise. */
const CONNECT_MS = 20_000
/** A link on which nothing arrives, although an answer is asked for again and again. */
const PING_MS = 1_500
const SILENT_MS = 6_000
const FAREWELL_MS = 1_000

/** The key by which the host was recognised, and what vouches for it. */
export interface HostKey {
  readonly type: string
  readonly fingerprint: string
  /** Its place in known_hosts: file and line. */
  readonly by: string
}

export interface Connection {
  readonly client: Client
  readonly hostKey: HostKey
  /** Settles when the connection is gone: with the reason, or undefined after `close()`. */
  readonly closed: Promise<HostProblem | undefined>
  close(): void
}

/**
 * @param host what the fleet calls it
 * @throws {HostProblem}
 */
export async function connect(host: string, route: readonly Hop[], signal: AbortSignal): Promise<Connection> {
  const clients: Client[] = []
  const end = () => {
    for (const client of clients.toReversed()) client.end()
  }
  const give = () => {
    for (const client of clients) client.destroy()
  }
  signal.addEventListener('abort', give)
  let closing = false
  let hostKey: HostKey | undefined
  try {
    let socket: Duplex | undefined
    for (const [n, hop] of route.entries()) {
      signal.throwIfAborted()
      if (n > 0) socket = await forward(host, clients[n - 1], route[n - 1], hop)
      const client = new ssh2.Client()
      clients.push(client)
      hostKey = await logIn(host, hop, client, socket)
    }
  } catch (error) {
    give()
    throw signal.aborted ? new HostProblem('cut', host, 'the connection was given up') : error
  } finally {
    signal.removeEventListener('abort', give)
  }
  const closed = Promise.race(clients.map((client, n) => watch(host, client, route[n]))).then(problem => {
    give()
    return closing ? undefined : problem
  })
  return {
    client: clients[clients.length - 1],
    hostKey: hostKey!,
    closed,
    close() {
      closing = true
      end()
      // A link that is dead already would keep this process waiting.
      setTimeout(give, FAREWELL_MS).unref()
    },
  }
}

/** One machine: its key is compared before anything is said to it. */
async function logIn(host: string, hop: Hop, client: Client, sock: Duplex | undefined): Promise<HostKey> {
  const { methods, hindrances } = await keysFor(hop)
  const known = keysOf(host, hop)
  const waitMs = hop.connectTimeoutMs ?? CONNECT_MS
  let refused: HostProblem | undefined
  let hostKey: HostKey | undefined
  const ready = new Promise<void>((resolve, reject) => {
    client.once('ready', resolve)
    client.on('error', (error: SshError) => {
      // An agent that went away costs its keys only.
      if (error.level === 'agent') return
      reject(refused ?? explain(host, hop, error, { keys: methods.length, hindrances, waitMs }))
    })
    client.once('close', () => reject(refused ?? new HostProblem('cut', host, `${hop.address} closed the connection`)))
  })
  // If connecting fails at once nobody waits for it.
  ready.catch(() => {})
  try {
    client.connect({
      host: hop.address,
      port: hop.port,
      ...(sock !== undefined && { sock }),
      username: hop.user,
      authHandler: [...methods],
      algorithms: { serverHostKey: keyAlgorithms(known) },
      hostVerifier: (key: Buffer) => {
        const trust = judgeKey(known, key)
        if (trust.kind === 'trusted') {
          const { type, file, line } = trust.by
          hostKey = { type, fingerprint: fingerprint(key), by: `${file}:${line}` }
        } else refused = refusal(host, hop, key, trust)
        return refused === undefined
      },
      readyTimeout: waitMs,
      // We count ourselves what arrives: an upload over a slow line delays answers, and is no silence.
      keepaliveInterval: PING_MS,
      keepaliveCountMax: Number.MAX_SAFE_INTEGER,
    })
    client.setNoDelay(true)
    await ready
  } catch (error) {
    client.destroy()
    throw error instanceof HostProblem ? error : explain(host, hop, error as SshError, { keys: 0, hindrances, waitMs })
  }
  return hostKey!
}

interface SshError extends Error {
  readonly level?: string
  readonly code?: string | number
}

/** Lines of known_hosts for a machine; those without a port count for every port, as they do for OpenSSH. */
function keysOf(host: string, { address, port, keyAlias, knownHosts, revokedKeys: lists }: Hop): KnownKey[] {
  const names = keyAlias === undefined ? [lookupName(address, port)] : [keyAlias.toLowerCase()]
  try {
    const revoked = lists.flatMap(revokedKeys)
    const known = names.flatMap(name => knownKeys(knownHosts, name))
    if (known.some(({ marker }) => marker === undefined) || keyAlias !== undefined || port === 22)
      return [...revoked, ...known]
    return [...revoked, ...known, ...knownKeys(knownHosts, address.toLowerCase())]
  } catch (error) {
    throw new HostProblem('config', host, `known_hosts cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

interface Attempt {
  readonly keys: number
  readonly hindrances: readonly string[]
  readonly waitMs: number
}

function explain(host: string, hop: Hop, error: SshError, { keys, hindrances, waitMs }: Attempt): HostProblem {
  const at = `${hop.address}:${hop.port}`
  const problem = (kind: ProblemKind, message: string) => new HostProblem(kind, host, message, { cause: error })
  const extra = hindrances.length === 0 ? '' : `; ${hindrances.join('; ')}`
  if (error.level === 'client-authentication' || error.code === TOO_MANY_AUTHENTICATIONS) {
    const offered =
      keys === 0 ? 'there is no key to offer' : `it accepts none of ${keys === 1 ? 'the one key' : `${keys} keys`}`
    return problem('auth', `${hop.user}@${at} lets nobody in: ${offered}${extra}; try ${hop.command}`)
  }
  if (error.level === 'client-timeout') return problem('unreachable', `${at} does not answer within ${waitMs / 1000} s`)
  if (error.level === 'handshake') return problem('protocol', `${at}: ${error.message}`)
  return problem('unreachable', `${at} cannot be reached: ${REASONS[String(error.code)] ?? error.message}`)
}

/** SSH_DISCONNECT_TOO_MANY_CONNECTIONS is 12; what sshd sends after too many keys is SSH_DISCONNECT_PROTOCOL_ERROR. */
const TOO_MANY_AUTHENTICATIONS = 2

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection is refused; does sshd run there?',
  ECONNRESET: 'the connection was reset',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to its network',
  ETIMEDOUT: 'it does not answer',
  ENOTFOUND: 'there is no such name; is the alias in the ssh configuration?',
  EAI_AGAIN: 'its name cannot be resolved at the moment',
}

function forward(host: string, client: Client, from: Hop, to: Hop): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    client.forwardOut('127.0.0.1', 0, to.address, to.port, (error, channel) => {
      if (error === undefined) return resolve(channel)
      const message = `${to.address}:${to.port} cannot be reached from ${from.alias}: ${error.message}`
      reject(new HostProblem('unreachable', host, message, { cause: error }))
    })
  })
}

/** Settles when a client has lost its connection. */
function watch(host: string, client: Client, hop: Hop): Promise<HostProblem> {
  return new Promise(resolve => {
    let heardAt = performance.now()
    const socket = (client as unknown as { readonly _sock: Duplex })._sock
    socket.on('data', () => {
      heardAt = performance.now()
    })
    let lookedAt = heardAt
    const timer = setInterval(() => {
      const now = performance.now()
      // If it was this process that stood still, nothing can be said of the link.
      if (now - lookedAt > 2 * PING_MS) heardAt = now
      lookedAt = now
      if (now - heardAt > SILENT_MS) lose(`nothing was heard from ${hop.address} for ${SILENT_MS / 1000} s`)
    }, PING_MS)
    timer.unref()
    const lose = (message: string) => {
      clearInterval(timer)
      resolve(new HostProblem('cut', host, message))
    }
    client.on('error', error => lose(`the connection to ${hop.address} broke: ${error.message}`))
    client.on('close', () => lose(`${hop.address} closed the connection`))
  })
}
