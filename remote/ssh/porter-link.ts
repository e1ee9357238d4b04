/** A conversation with the porter on a host: one request, one answer. */
import type { Duplex } from 'node:stream'
import type { Client } from 'ssh2'
import { HostProblem, type HostSpec, type ProblemKind } from '../carrier.ts'
import type { Answers, Request } from '../host/requests.ts'
import { checkAnswer } from './answers.ts'
import { findNode, OLDEST_NODE, porterLine } from './bootstrap.ts'
import { MarkedChannel, newMarker } from './marked-channel.ts'

/** Login shells may be slow on a machine under load. */
const START_MS = 30_000
/** A bundle is hashed and written within this time. */
const ANSWER_MS = 120_000

export class PorterLink {
  readonly #spec: HostSpec
  readonly #lines: MarkedChannel
  #old: OldNode | undefined
  #ended: HostProblem | undefined
  #answered: { resolve(value: unknown): void; reject(problem: HostProblem): void } | undefined
  #spoke = false

  private constructor(spec: HostSpec, lines: MarkedChannel) {
    this.#spec = spec
    this.#lines = lines
    lines.onLine = said => this.#hear(said)
    lines.onEnd = status => this.#end(status)
  }

  /**
   * Starts the porter: what is asked next is answered when it runs.
   * @param shipped whether a Node that was shipped serves where the one that the user named does not
   */
  static async open(spec: HostSpec, client: Client, shipped: boolean): Promise<PorterLink> {
    const marker = newMarker()
    const { directory, node } = spec
    const lines = await MarkedChannel.open(spec, client, marker, findNode({ marker, directory, node, shipped }))
    lines.channel.write(`${porterLine()}\n`)
    return new PorterLink(spec, lines)
  }

  /**
   * @param bytes what follows the request
   * @throws {HostProblem} what the host refuses, or why it no longer answers
   */
  async ask<K extends keyof Answers>(request: Extract<Request, { ask: K }>, bytes?: Buffer): Promise<Answers[K]> {
    if (this.#ended !== undefined) throw this.#ended
    const answered = new Promise<unknown>((resolve, reject) => {
      this.#answered = { resolve, reject }
    })
    let patience: NodeJS.Timeout | undefined
    const wait = () => {
      if (this.#answered !== undefined) patience = setTimeout(() => this.#give(), this.#spoke ? ANSWER_MS : START_MS)
    }
    const { channel } = this.#lines
    channel.write(`${JSON.stringify(request)}\n`)
    // A slow line takes the time it takes; that it is dead is noticed elsewhere.
    if (bytes === undefined) wait()
    else channel.write(bytes, wait)
    try {
      const answer = checkAnswer(request.ask, await answered)
      if (answer === undefined) throw this.#problem('protocol', `its answer to '${request.ask}' cannot be understood`)
      if ('trouble' in answer) throw this.#problem(answer.trouble, answer.message)
      return answer
    } finally {
      this.#answered = undefined
      clearTimeout(patience)
    }
  }

  /** The stream, from the byte after the last answer on. It is the caller's. */
  handOver(): Duplex {
    const stream = this.#lines.release()
    // Whatever the program at the other end says last is the reason why the stream failed. The stream has ended by then:
    // destroy() would say nothing of it.
    stream.prependListener('close', (status: number | null) => {
      if (status) stream.emit('error', this.#failure(status))
    })
    return stream
  }

  #failure(status: number): HostProblem {
    return this.#problem(kindOf(status), `the agent ended with status ${status}: ${this.#lines.lastWords()}`)
  }

  close(): void {
    this.#lines.end()
  }

  #hear(said: unknown): void {
    if (isOld(said)) this.#old ??= said
    else if (isNone(said)) this.#answered?.reject(this.#withoutNode(said.none))
    else {
      this.#spoke = true
      this.#answered?.resolve(said)
    }
  }

  #withoutNode(system: string): HostProblem {
    const { node } = this.#spec
    const remedy = `install ${OLDEST_NODE.join('.')} or later, name its path as "node" in a hosts file, or use --ship-node`
    if (this.#old !== undefined) {
      return this.#problem('old-node', `its Node ${this.#old.path} is ${this.#old.old}, too old: ${remedy}`)
    }
    const tried =
      node === undefined
        ? 'there is no Node in its PATH or the usual places that can be started'
        : `there is no Node at ${node} that can be started`
    return this.#problem('no-node', `${tried} (${system}): ${remedy}`)
  }

  #end(status: number | undefined): void {
    this.#ended ??= this.#whyEnded(status)
    this.#answered?.reject(this.#ended)
  }

  #whyEnded(status: number | undefined): HostProblem {
    if (this.#spoke || status === undefined) return this.#problem('cut', 'the connection ended')
    const words = `our program does not start there (status ${status}): ${this.#lines.lastWords()}`
    return this.#problem(kindOf(status), words)
  }

  #give(): void {
    this.#ended ??= this.#spoke
      ? this.#problem('cut', `no answer for ${ANSWER_MS / 1000} s`)
      : this.#problem(
          'unreachable',
          `it lets us in and says nothing for ${START_MS / 1000} s: does a start-up file of its shell wait for input?`,
        )
    this.#answered?.reject(this.#ended)
    this.#lines.channel.destroy()
  }

  #problem(kind: ProblemKind, message: string): HostProblem {
    return new HostProblem(kind, this.#spec.name, message)
  }
}

/** 128 and a signal's number: it was killed, and may live when it is started again. */
const kindOf = (status: number): ProblemKind => (status > 128 && status < 193 ? 'cut' : 'protocol')

interface OldNode {
  readonly old: string
  readonly path: string
}

const isOld = (said: unknown): said is OldNode => hasText(said, 'old') && hasText(said, 'path')
const isNone = (said: unknown): said is { none: string } => hasText(said, 'none')

const hasText = (said: unknown, key: string) =>
  typeof said === 'object' && said !== null && typeof (said as Record<string, unknown>)[key] === 'string'
