/** A channel to a program of ours on a host; what else is printed there is told apart by a marker. */
import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { Client, ClientChannel } from 'ssh2'
import { HostProblem, type HostSpec } from '../carrier.ts'
import { COMMAND } from './bootstrap.ts'

const LONGEST_LINE = 1 << 22
/** What a host says beside our lines is kept for an error message only. */
const NOISE_LETTERS = 4000

/** A word that nothing else on a stream contains. */
export const newMarker = () => `torture-${randomBytes(9).toString('hex')} `

export class MarkedChannel {
  readonly channel: ClientChannel
  readonly #marker: string
  #waiting: Buffer = Buffer.alloc(0)
  #noise = ''
  #errors = ''
  /** Is called for what stands behind each marker: JSON, or undefined where it is none. */
  onLine: (said: unknown) => void = () => {}
  /** Is called once, when nothing more comes. */
  onEnd: (status: number | undefined) => void = () => {}

  private constructor(channel: ClientChannel, marker: string) {
    this.channel = channel
    this.#marker = marker
    channel.on('data', this.#hear)
    channel.stderr.on('data', (data: Buffer) => {
      this.#errors = (this.#errors + data.toString('utf8')).slice(-NOISE_LETTERS)
    })
    // What is wrong is said by the end.
    channel.on('error', () => this.#end(undefined))
    channel.on('close', (status: number | null | undefined) => this.#end(status ?? undefined))
  }

  /**
   * Opens a channel on which sh reads `script`, one line, and then whatever is written.
   * @throws {HostProblem}
   */
  static async open({ name }: HostSpec, client: Client, marker: string, script: string): Promise<MarkedChannel> {
    const channel = await new Promise<ClientChannel>((resolve, reject) => {
      client.exec(COMMAND, (error, opened) => (error === undefined ? resolve(opened) : reject(error)))
    }).catch((error: Error) => {
      // A channel that is not opened may be one too many for now, or the connection is gone.
      const kind = /unable to exec/i.test(error.message) ? 'protocol' : 'cut'
      const why = error.message === 'No response from server' ? 'the connection ended' : error.message
      throw new HostProblem(kind, name, `it lets us in and runs no command: ${why}`, { cause: error })
    })
    channel.write(`${script}\n`)
    return new MarkedChannel(channel, marker)
  }

  /** The stream, from the byte after the last line on. Nothing is lost until somebody listens. */
  release(): Duplex {
    const { channel } = this
    channel.off('data', this.#hear)
    channel.pause()
    if (this.#waiting.length > 0) channel.unshift(this.#waiting)
    // A listener would not start a stream that somebody has paused.
    const listened = (event: string | symbol) => {
      if (event !== 'data') return
      channel.off('newListener', listened)
      process.nextTick(() => channel.resume())
    }
    channel.on('newListener', listened)
    return channel
  }

  end(): void {
    this.channel.end()
    // Without it the channel would never close.
    this.channel.resume()
  }

  /** What the host said last, beside our lines, for a person. */
  lastWords(): string {
    const lines = `${this.#noise}\n${this.#errors}`.split('\n').map(line => line.replace(/\p{Cc}+/gu, ' ').trim())
    const last = lines.filter(line => line !== '').at(-1)
    return last === undefined ? 'it said nothing' : `it said "${last.slice(0, 200)}"`
  }

  readonly #hear = (data: Buffer): void => {
    this.#waiting = this.#waiting.length === 0 ? data : Buffer.concat([this.#waiting, data])
    for (let end = this.#waiting.indexOf(10); end >= 0; end = this.#waiting.indexOf(10)) {
      const line = this.#waiting.toString('utf8', 0, end)
      this.#waiting = this.#waiting.subarray(end + 1)
      const at = line.indexOf(this.#marker)
      if (at < 0) this.#noise = `${this.#noise}${line}\n`.slice(-NOISE_LETTERS)
      else this.onLine(parse(line.slice(at + this.#marker.length)))
    }
    if (this.#waiting.length > LONGEST_LINE) this.channel.destroy()
  }

  #end(status: number | undefined): void {
    // What a shell that never started ours printed without a line's end.
    this.#noise += this.#waiting.toString('utf8', 0, NOISE_LETTERS)
    this.#waiting = Buffer.alloc(0)
    this.onEnd(status)
    this.onEnd = () => {}
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
