/** Connections to hosts, over jump hosts that are shared; a dead link is noticed within seconds. */
import { connect as connectTcp } from 'node:net'
import type { Duplex } from 'node:stream'
import ssh2, { type Client } from 'ssh2'
import { HostProblem } from '../carrier.ts'
import type { Hop } from './config.ts'
import { type HostKey, logIn } from './login.ts'

/** A link on which nothing arrives, although an answer is asked for again and again. */
const PING_MS = 1_500
const SILENT_MS = 6_000
const FAREWELL_MS = 1_000

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
  const given = () => new HostProblem('cut', host, 'the connection was given up')
  if (signal.aborted) throw given()
  const hop = route[route.length - 1]
  const client = new ssh2.Client()
  let lease: Lease | undefined
  const give = () => {
    client.destroy()
    lease?.end()
  }
  signal.addEventListener('abort', give)
  try {
    let channel: Duplex | undefined
    if (route.length > 1) {
      lease = leaseGate(host, route.slice(0, -1))
      channel = await forward(host, await lease.gate, route[route.length - 2], hop)
    }
    if (signal.aborted) throw given()
    const open = () => channel ?? connectTcp(hop.port, hop.address)
    let socket: Duplex | undefined
    const hostKey = await logIn(host, hop, client, () => (socket = open()), PING_MS)
    return established({ host, hop, client, socket: socket!, hostKey, lease })
  } catch (error) {
    give()
    throw signal.aborted ? given() : error
  } finally {
    signal.removeEventListener('abort', give)
  }
}

interface Established {
  readonly host: string
  readonly hop: Hop
  readonly client: Client
  readonly socket: Duplex
  readonly hostKey: HostKey
  readonly lease: Lease | undefined
}

function established({ host, hop, client, socket, hostKey, lease }: Established): Connection {
  let closing = false
  const closed = watch(host, client, socket, hop).then(problem => {
    client.destroy()
    lease?.end()
    return closing ? undefined : problem
  })
  return {
    client,
    hostKey,
    closed,
    close() {
      closing = true
      client.end()
      // A link that is dead already would keep this process waiting.
      setTimeout(() => client.destroy(), FAREWELL_MS).unref()
    },
  }
}

/** A jump host as one of its users has it. */
interface Lease {
  readonly gate: Promise<Connection>
  end(): void
}

interface Gate {
  readonly connection: Promise<Connection>
  readonly abort: AbortController
  users: number
}

const gates = new Map<string, Gate>()

/** Many hosts may lie behind one: it is logged in to once, as sshd lets in only some at a time. */
function leaseGate(host: string, route: readonly Hop[]): Lease {
  const key = JSON.stringify(route)
  const gate = gates.get(key) ?? openGate(key, route)
  gate.users++
  let ended = false
  return {
    gate: gate.connection.catch(error => {
      throw renamed(error, host)
    }),
    end() {
      if (ended) return
      ended = true
      if (--gate.users > 0) return
      gates.delete(key)
      gate.abort.abort()
      gate.connection.then(
        connection => connection.close(),
        // It never came to be: its users have been told.
        () => {},
      )
    },
  }
}

function openGate(key: string, route: readonly Hop[]): Gate {
  const abort = new AbortController()
  const gate = { connection: connect(route[route.length - 1].alias, route, abort.signal), abort, users: 0 }
  gates.set(key, gate)
  // One that broke is not for those who come later.
  const forget = () => {
    if (gates.get(key) === gate) gates.delete(key)
  }
  gate.connection.then(({ closed }) => closed.then(forget), forget)
  return gate
}

/** The problem of a jump host is that of each host behind it. */
function renamed(error: unknown, host: string): unknown {
  if (!(error instanceof HostProblem)) return error
  return new HostProblem(error.kind, host, error.message.slice(`${error.host}: `.length), { cause: error })
}

function forward(host: string, { client }: Connection, from: Hop, to: Hop): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    client.forwardOut('127.0.0.1', 0, to.address, to.port, (error, channel) => {
      if (error === undefined) return resolve(channel)
      const message = `${to.address}:${to.port} cannot be reached from ${from.alias}: ${error.message}`
      reject(new HostProblem('unreachable', host, message, { cause: error }))
    })
  })
}

/** Settles when a client has lost its connection. */
function watch(host: string, client: Client, socket: Duplex, hop: Hop): Promise<HostProblem> {
  return new Promise(resolve => {
    let heardAt = performance.now()
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
