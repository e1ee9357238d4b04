/** The link to one host: connects, brings the bundle, speaks with the agent; when it is cut it tries again. */
import type { Duplex } from 'node:stream'
import {
  type BundleSource,
  type Carrier,
  type HostFacts,
  HostProblem,
  type HostSpec,
  type Reached,
} from '../carrier.ts'
import { tooNarrow } from '../fitness.ts'
import {
  type AgentMessage,
  type DriverMessage,
  encode,
  LONGEST_LINE,
  linesOf,
  PROTOCOL,
  ProtocolError,
  parseAgentMessage,
} from '../protocol.ts'

/** Between two tries; doubled from one to the next. */
const RETRY_MS = { first: 250, most: 5_000 }
const PING_MS = 2_000
/** A host that says nothing for so long is cut off, whatever its link may think. */
const SILENCE_MS = 10_000
/** What an agent without a driver and without work waits before it ends. */
const IDLE_MS = 3_600_000
/** For the last word to arrive. */
const BYE_MS = 2_000

export interface LinkListener {
  /** The bundle is on its way, or was there; then how many bytes it took. */
  shipping(): void
  shipped(bytes: number): void
  /** The agent is there. May be called again after `away`. */
  up(facts: HostFacts, hello: Extract<AgentMessage, { type: 'hello' }>): void
  /** What throws a ProtocolError has been said by none of ours: the host is given up. */
  heard(message: AgentMessage): void
  /** It is tried again. */
  away(problem: HostProblem): void
  /** It is not tried again. */
  gone(problem: HostProblem): void
}

export interface Work {
  /** Names the run on this host. */
  readonly run: string
  readonly bundle: BundleSource
}

export class Link {
  readonly name: string
  readonly spec: HostSpec
  /** How the first try went: what the host is, or why it cannot be reached. */
  readonly first: Promise<HostFacts | HostProblem>
  readonly #carrier: Carrier
  readonly #abort = new AbortController()
  #listener: LinkListener | undefined
  /** What was to be told before anybody listened. */
  readonly #untold: ((listener: LinkListener) => void)[] = []
  #prepare!: (work: Work) => void
  readonly #work = new Promise<Work>(resolve => {
    this.#prepare = resolve
  })
  #begin!: (listener: LinkListener) => void
  readonly #begun = new Promise<LinkListener>(resolve => {
    this.#begin = resolve
  })
  #tried!: (outcome: HostFacts | HostProblem) => void
  #reached: Reached | undefined
  #stream: Duplex | undefined
  #retryMs = RETRY_MS.first
  #leaving = false
  /** The last thing that was wrong. */
  problem: HostProblem | undefined

  /** Connects at once. */
  constructor(carrier: Carrier) {
    this.#carrier = carrier
    this.spec = carrier.spec
    this.name = carrier.spec.name
    this.first = new Promise(resolve => {
      this.#tried = resolve
    })
    void this.#live()
  }

  /** The bundle may travel, and the agent start. */
  prepare(work: Work): void {
    this.#prepare(work)
  }

  /** Speaks with the agent from now on. */
  begin(listener: LinkListener): void {
    this.#listener = listener
    for (const say of this.#untold.splice(0)) say(listener)
    this.#begin(listener)
  }

  /** Into the void where the host is away: whatever matters is said again when it is back. */
  send(message: DriverMessage): void {
    if (this.#stream?.writable) this.#stream.write(encode(message))
  }

  /** Ends the agent as well, and leaves nothing of the run there. */
  async bye(): Promise<void> {
    const stream = this.#stream
    this.#leaving = true
    if (stream?.writable) {
      const closed = new Promise(resolve => stream.once('close', resolve).resume())
      stream.end(encode({ type: 'bye' }))
      const late = new AbortController()
      await Promise.race([closed, sleep(BYE_MS, late.signal)])
      late.abort()
    }
    this.close()
  }

  close(): void {
    this.#abort.abort()
    this.#stream?.destroy()
    this.#reached?.close()
  }

  get #closed(): boolean {
    return this.#leaving || this.#abort.signal.aborted
  }

  async #live(): Promise<void> {
    while (!this.#closed) {
      const problem = await this.#once()
      if (this.#closed) return
      this.problem = problem
      this.#tried(problem)
      this.#tell(listener => (problem.fatal ? listener.gone(problem) : listener.away(problem)))
      if (problem.fatal) return
      // So that hosts that were cut off together do not come back in one moment.
      await sleep(this.#retryMs * (0.75 + Math.random() / 2), this.#abort.signal)
      this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MS.most)
    }
  }

  /** From a connection to its end. @returns why it ended */
  async #once(): Promise<HostProblem> {
    let reached: Reached | undefined
    try {
      reached = await this.#carrier.connect(this.#abort.signal)
      this.#reached = reached
      const narrow = tooNarrow(this.name, reached.facts)
      if (narrow !== undefined) throw narrow
      this.problem = undefined
      this.#tried(reached.facts)
      const gone = reached.closed.then(cut)
      const { run, bundle } = await Promise.race([this.#work, gone])
      this.#tell(listener => listener.shipping())
      const bytes = await reached.ship(bundle)
      this.#tell(listener => listener.shipped(bytes))
      const stream = await reached.attach(run, bundle.hash)
      this.#stream = stream
      // Whoever reads it hears of it; also when nobody reads any more.
      stream.on('error', () => {})
      let why: HostProblem | undefined
      // The stream of an ssh channel does not pass on what it is destroyed with.
      const end = (problem: HostProblem | undefined) => {
        why ??= problem
        stream.destroy(problem)
      }
      void reached.closed.then(end)
      const listener = await Promise.race([this.#begun, gone])
      await this.#speak(stream, reached.facts, listener, end)
      // A channel closes a moment before its connection, which knows more.
      await new Promise(resolve => setImmediate(resolve))
      return why ?? new HostProblem('cut', this.name, 'the agent has closed the link')
    } catch (error) {
      return this.#problemOf(error)
    } finally {
      this.#stream = undefined
      this.#reached = undefined
      reached?.close()
    }
  }

  #tell(say: (listener: LinkListener) => void): void {
    if (this.#listener === undefined) this.#untold.push(say)
    else say(this.#listener)
  }

  async #speak(
    stream: Duplex,
    facts: HostFacts,
    listener: LinkListener,
    end: (problem: HostProblem) => void,
  ): Promise<void> {
    let heardAt = performance.now()
    let n = 0
    const watch = setInterval(() => {
      if (performance.now() - heardAt > SILENCE_MS)
        end(new HostProblem('cut', this.name, `it has said nothing for ${SILENCE_MS / 1000} s`))
      else this.send({ type: 'ping', n: ++n })
    }, PING_MS)
    this.send({ type: 'hello', protocol: PROTOCOL, host: this.name, idleMs: IDLE_MS })
    try {
      let greeted = false
      for await (const line of linesOf(stream, LONGEST_LINE)) {
        heardAt = performance.now()
        const message = parseAgentMessage(line)
        if (message.type === 'problem') throw new HostProblem('cut', this.name, `the agent says: ${message.message}`)
        if (message.type === 'hello') {
          if (greeted) throw new ProtocolError('a second hello')
          greeted = true
          this.#retryMs = RETRY_MS.first
          listener.up(facts, message)
        } else if (greeted) listener.heard(message)
        else throw new ProtocolError(`${message.type} before hello`)
      }
    } finally {
      clearInterval(watch)
      stream.destroy()
    }
  }

  #problemOf(error: unknown): HostProblem {
    if (error instanceof HostProblem) return error
    const { message } = error as Error
    if (error instanceof ProtocolError)
      return new HostProblem('protocol', this.name, `it does not speak as an agent does: ${message}`, { cause: error })
    return new HostProblem('cut', this.name, `the link was cut: ${message}`, { cause: error })
  }
}

function cut(problem: HostProblem | undefined): never {
  throw problem ?? new Error('closed')
}

/** Returns early when it is aborted. */
function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, ms)
    signal?.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        resolve()
      },
      { once: true },
    )
  })
}
