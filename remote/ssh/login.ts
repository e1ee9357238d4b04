/** Logs in to one machine: its key is compared before anything is said to it. */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Client } from 'ssh2'
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

/** The key by which a host was recognised, and what vouches for it. */
export interface HostKey {
  readonly type: string
  readonly fingerprint: string
  /** Its place in known_hosts: file and line. */
  readonly by: string
}

/**
 * @param host   what the fleet calls it
 * @param client not connected yet
 * @param sock   leads to the machine
 * @param pingMs how often the machine is asked whether it is there
 * @throws {HostProblem}
 */
export async function logIn(
  host: string,
  hop: Hop,
  client: Client,
  sock: () => Duplex,
  pingMs: number,
): Promise<HostKey> {
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
      sock: sock() as Socket,
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
      // Who watches the connection counts what arrives: an upload over a slow line delays answers, and is no silence.
      keepaliveInterval: pingMs,
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
