/** Hosts that are reached by ssh. */
import type { Duplex } from 'node:stream'
import type { Client } from 'ssh2'
import {
  type BundleSource,
  type Carrier,
  type HostFacts,
  HostProblem,
  type HostSpec,
  type Reached,
} from '../carrier.ts'
import type { Cleaned, CleanRequest } from '../host/clean.ts'
import type { OwnFacts } from '../host/facts.ts'
import { sizeOfBundle, withPacked } from '../ship.ts'
import { routeTo } from './config.ts'
import type { Connection } from './connection.ts'
import type { HostKey } from './login.ts'
import { PorterLink } from './porter-link.ts'

export interface SshOptions {
  /** Another ssh configuration than the user's own. */
  readonly configFile?: string | undefined
  /** `--ship-node`: a host without a fit Node gets ours. */
  readonly shipNode?: boolean | undefined
}

/** What this way of reaching a host can do beside what all can. */
export interface SshCarrier extends Carrier {
  connect(signal: AbortSignal): Promise<SshReached>
}

export function sshCarrier(spec: HostSpec, { configFile, shipNode = false }: SshOptions = {}): SshCarrier {
  return {
    spec,
    async connect(signal) {
      // ssh2 is loaded while ssh looks the host up.
      const [route, { connect }] = await Promise.all([routeTo(spec, configFile), import('./connection.ts')])
      const connection = await connect(spec.name, route, signal)
      const give = () => connection.close()
      signal.addEventListener('abort', give)
      try {
        return await SshReached.open(spec, connection, shipNode)
      } catch (error) {
        give()
        throw error
      } finally {
        signal.removeEventListener('abort', give)
      }
    },
  }
}

/** A host that answers. The porter that was started to ask it stays until the agent's stream takes its place. */
export class SshReached implements Reached {
  readonly facts: HostFacts & OwnFacts
  readonly closed: Promise<HostProblem | undefined>
  readonly hostKey: HostKey
  readonly #spec: HostSpec
  readonly #connection: Connection
  readonly #shipNode: boolean
  #porter: PorterLink | undefined

  private constructor(spec: HostSpec, connection: Connection, shipNode: boolean, { porter, facts }: Started) {
    this.#spec = spec
    this.#connection = connection
    this.#shipNode = shipNode
    this.#porter = porter
    this.facts = facts
    this.closed = connection.closed
    this.hostKey = connection.hostKey
  }

  static async open(spec: HostSpec, connection: Connection, shipNode: boolean): Promise<SshReached> {
    const { porter, own } = await startPorter(spec, connection, shipNode)
    const sentAt = performance.now()
    const asked = Date.now()
    const { now } = await porter.ask({ ask: 'time' })
    const roundTripMs = performance.now() - sentAt
    // The host looked at its clock half a round trip after it was asked.
    const clockSkewMs = Math.round(now - asked - roundTripMs / 2)
    return new SshReached(spec, connection, shipNode, { porter, facts: { ...own, clockSkewMs, roundTripMs } })
  }

  async ship(bundle: BundleSource): Promise<number> {
    const porter = await this.#ready()
    const { hash } = bundle
    if (!(await porter.ask({ ask: 'want', hash })).wanted) return 0
    // It is packed while the host looks whether there is room for it.
    const room = porter.ask({ ask: 'want', hash, bytes: sizeOfBundle({ hash, dir: await bundle.dir }) })
    // Whoever sends it hears why not.
    room.catch(() => {})
    return withPacked(bundle, async bytes => {
      await room
      await porter.ask({ ask: 'take', hash, packed: bytes.length }, bytes)
      return bytes.length
    })
  }

  async attach(run: string, bundle: string): Promise<Duplex> {
    const porter = await this.#ready()
    await porter.ask({ ask: 'attach', run, hash: bundle })
    this.#porter = undefined
    return porter.handOver()
  }

  async clean(request: CleanRequest): Promise<Cleaned> {
    return (await this.#ready()).ask({ ask: 'clean', ...request })
  }

  close(): void {
    this.#porter?.close()
    this.#connection.close()
  }

  async #ready(): Promise<PorterLink> {
    this.#porter ??= (await startPorter(this.#spec, this.#connection, this.#shipNode)).porter
    return this.#porter
  }
}

interface Started {
  readonly porter: PorterLink
  readonly facts: HostFacts & OwnFacts
}

async function startPorter(spec: HostSpec, { client }: Connection, shipNode: boolean) {
  try {
    return await askFacts(spec, client, shipNode)
  } catch (error) {
    const lacksNode = error instanceof HostProblem && (error.kind === 'no-node' || error.kind === 'old-node')
    if (!shipNode || !lacksNode) throw error
    await (await import('../ship-node.ts')).shipNode(spec, client)
    return askFacts(spec, client, shipNode)
  }
}

/** The request is sent with the program itself: the answer is there after one round trip. */
async function askFacts(spec: HostSpec, client: Client, shipped: boolean) {
  const porter = await PorterLink.open(spec, client, shipped)
  const { directory } = spec
  const own = await porter.ask({ ask: 'facts', ...(directory !== undefined && { directory }) })
  return { porter, own }
}
