/** A conversation with the porter on a host, over one channel; what else is printed there is told apart by a marker. */
import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { Client, ClientChannel } from 'ssh2'
import { HostProblem, type HostSpec, type ProblemKind } from '../carrier.ts'
import type { Answers, Request } from '../host/requests.ts'
import { checkAnswer } from './answers.ts'
import { COMMAND, findNode, OLDEST_NODE, porterLine } from './bootstrap.ts'

/** Login shells may be slow on a machine under load. */
const START_MS = 30_000
/** A bundle is hashed and written within this time. */
const ANSWER_MS = 120_000
const LONGEST_ANSWER = 1 << 22
/** What a host says beside our lines is kept for an error message only. */
const NOISE_LETTERS = 4000

export class PorterLink {
  readonly #spec: HostSpec
  readonly #channel: ClientChannel
  readonly #marker: string
  #waiting: Buffer = Buffer.alloc(0)
  #noise = ''
  #errors = ''
  #old: { readonly old: string; readonly path: string } | undefined
  #ended: HostProblem | undefined
  #answered: { resolve(value: unknown): void; reject(problem: HostProblem): void } | undefined
  #spoke = false

  private constructor(spec: HostSpec, channel: ClientChannel, marker: string) {
    this.#spec = spec
    this.#channel = channel
    this.#marker = marker
    channel.on('data', this.#hear)
    channel.stderr.on('data', this.#hearError)
    channel.on('error', () => this.#end())
    channel.on('close', (code: number | null) => this.#end(code))
  }

  /** Starts the porter: what is asked next is answered when it runs. */
  static async open(spec: HostSpec, client: Client): Promise<PorterLink> {
    const channel = await new Promise<ClientChannel>((resolve, reject) => {
      client.exec(COMMAND, (error, opened) => {
        if (error === undefined) return resolve(opened)
        reject(new HostProblem('protocol', spec.name, `it runs no commands: ${error.message}`, { cause: error }))
      })
    })
    const marker = `torture-${randomBytes(9).toString('hex')} `
    const link = new PorterLink(spec, channel, marker)
    channel.write(`${findNode({ marker, directory: spec.directory, node: spec.node })}\n${porterLine()}\n`)
    return link
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
    const patience = setTimeout(
      () => this.#give('it does not answer; does a start-up file of its shell wait for input?'),
      this.#spoke ? ANSWER_MS : START_MS,
    )
    this.#channel.write(`${JSON.stringify(request)}\n`)
    if (bytes !== undefined) this.#channel.write(bytes)
    try {
      const answer = checkAnswer(request.ask, await answered)
      if (answer === undefined) throw this.#problem('protocol', `its answer to '${request.ask}' cannot be understood`)
      if ('trouble' in answer) throw this.#problem(answer.trouble, answer.message)
      return answer
    } finally {
      clearTimeout(patience)
    }
  }

  /** The stream, from the byte after the last answer on. It is the caller's. */
  handOver(): Duplex {
    const channel = this.#channel
    channel.off('data', this.#hear)
    channel.pause()
    if (this.#waiting.length > 0) channel.unshift(this.#waiting)
    // Whatever the program at the other end says last is the reason why the stream failed.
    channel.prependListener('close', (code: number | null) => {
      if (code)
        (channel as Duplex).destroy(
          this.#problem('protocol', `the agent ended with status ${code}: ${this.#lastWords()}`),
        )
    })
    return channel
  }

  close(): void {
    this.#channel.end()
    this.#channel.resume()
  }

  readonly #hear = (data: Buffer): void => {
    this.#waiting = this.#waiting.length === 0 ? data : Buffer.concat([this.#waiting, data])
    for (let end = this.#waiting.indexOf(10); end >= 0; end = this.#waiting.indexOf(10)) {
      const line = this.#waiting.toString('utf8', 0, end)
      this.#waiting = this.#waiting.subarray(end + 1)
      this.#hearLine(line)
    }
    if (this.#waiting.length > LONGEST_ANSWER) this.#give('it prints a line without end')
  }

  readonly #hearError = (data: Buffer): void => {
    this.#errors = (this.#errors + data.toString('utf8')).slice(-NOISE_LETTERS)
  }

  #hearLine(line: string): void {
    const at = line.indexOf(this.#marker)
    if (at < 0) {
      this.#noise = `${this.#noise}${line}\n`.slice(-NOISE_LETTERS)
      return
    }
    const said = parse(line.slice(at + this.#marker.length))
    if (isOld(said)) this.#old ??= said
    else if (isNone(said)) this.#answered?.reject(this.#withoutNode(said.none))
    else {
      this.#spoke = true
      this.#answered?.resolve(said)
    }
  }

  #withoutNode(system: string): HostProblem {
    const { node } = this.#spec
    const oldest = OLDEST_NODE.join('.')
    const remedy = `install one of ${oldest} or later, name its path as "node" in the hosts file, or use --ship-node`
    if (this.#old !== undefined) {
      return this.#problem('old-node', `its Node ${this.#old.path} is ${this.#old.old}, too old: ${remedy}`)
    }
    const tried = node === undefined ? 'no Node in its PATH or the usual places' : `no Node at ${node}`
    return this.#problem('no-node', `${tried} (${system}): ${remedy}`)
  }

  #end(code?: number | null): void {
    this.#ended ??= this.#spoke
      ? this.#problem('cut', 'the connection ended')
      : this.#problem(
          'protocol',
          `it did not start our program${code ? ` (status ${code})` : ''}: ${this.#lastWords()}`,
        )
    this.#answered?.reject(this.#ended)
  }

  #give(why: string): void {
    this.#ended ??= this.#problem(this.#spoke ? 'cut' : 'protocol', why)
    this.#answered?.reject(this.#ended)
    this.#channel.destroy()
  }

  #lastWords(): string {
    const lines = `${this.#noise}\n${this.#errors}`.split('\n').map(line => line.replace(/\p{Cc}+/gu, ' ').trim())
    const last = lines.filter(line => line !== '').at(-1)
    return last === undefined ? 'it said nothing' : `it said "${last.slice(0, 200)}"`
  }

  #problem(kind: ProblemKind, message: string): HostProblem {
    return new HostProblem(kind, this.#spec.name, message)
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // What is no JSON is no answer either, and is refused as such.
    return undefined
  }
}

const isOld = (said: unknown): said is { old: string; path: string } => hasText(said, 'old') && hasText(said, 'path')
const isNone = (said: unknown): said is { none: string } => hasText(said, 'none')

const hasText = (said: unknown, key: string) =>
  typeof said === 'object' && said !== null && typeof (said as Record<string, unknown>)[key] === 'string'
