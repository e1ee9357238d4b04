/**
 * The program that a driver sends to a host and talks to: it carries things in and says what is there. It needs nothing
 * on the host but Node, ends with its stream, and turns into the agent's attachment where it is asked to.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { FOLDER_NAME } from '../../results/names.ts'
import { Arrival, bundleFolder, hasBundle, wantsBundle } from './bundles.ts'
import { clean } from './clean.ts'
import { claimDirectory, directoryAt } from './directory.ts'
import { ownFacts } from './facts.ts'
import { RUNS } from './layout.ts'
import { Trouble, troubleOf, trying } from './problem.ts'
import type { Answers, Request } from './requests.ts'

const LONGEST_REQUEST = 1 << 20
const LARGEST_BUNDLE = 2 ** 31
/** A link that vanished says nothing; the longest that a driver has to do between two requests is to make its bundle. */
const SILENT_MS = 600_000

type Load = (url: string) => Promise<unknown>
type Asked<K> = Extract<Request, { ask: K }>

/**
 * Answers requests until the stream ends.
 * @param marker begins each line that is ours: start-up files of the login shell may print before
 * @param load   imports a module by its address
 */
export function porter(marker: string, load: Load): void {
  new Porter(marker, load).listen()
}

const leave = () => process.exit(0)

class Porter {
  readonly #marker: string
  readonly #load: Load
  #directory = directoryAt()
  #waiting: Buffer = Buffer.alloc(0)
  #patience: NodeJS.Timeout | undefined
  /** Bytes that are arriving, after the request that announced them. */
  #taking: { readonly request: Asked<'take'>; readonly parts: Buffer[]; missing: number } | undefined
  /** Bundles that lie on the disk as they should, as of a moment ago. */
  readonly #verified = new Set<string>()

  constructor(marker: string, load: Load) {
    this.#marker = marker
    this.#load = load
  }

  listen(): void {
    const { stdin, stdout } = process
    this.#patience = setTimeout(leave, SILENT_MS)
    stdin.on('data', this.#hear)
    stdin.on('end', leave)
    // Whoever read our program has paused it.
    stdin.resume()
    // The driver is gone: nobody is left to tell.
    stdout.on('error', leave)
  }

  readonly #hear = (data: Buffer): void => {
    this.#patience?.refresh()
    this.#waiting = this.#waiting.length === 0 ? data : Buffer.concat([this.#waiting, data])
    while (this.#waiting.length > 0 && (this.#taking === undefined ? this.#hearLine() : this.#hearBytes()));
  }

  /** @returns whether there may be more */
  #hearLine(): boolean {
    const end = this.#waiting.indexOf(10)
    if (end < 0) {
      if (this.#waiting.length > LONGEST_REQUEST) process.exit(1)
      return false
    }
    const request = JSON.parse(this.#waiting.toString('utf8', 0, end)) as Request
    this.#waiting = this.#waiting.subarray(end + 1)
    if (request.ask === 'take') this.#taking = { request, parts: [], missing: request.packed }
    else if (request.ask === 'attach') return !this.#answer(() => this.#prepare(request), this.#handOver)
    else this.#answer(() => this.#obey(request))
    return true
  }

  /** Until the last byte is there nothing is written: an upload that is cut leaves nothing behind. */
  #hearBytes(): boolean {
    const taking = this.#taking!
    const part = this.#waiting.subarray(0, taking.missing)
    this.#waiting = this.#waiting.subarray(part.length)
    taking.parts.push(part)
    taking.missing -= part.length
    if (taking.missing === 0) {
      this.#taking = undefined
      this.#answer(() => this.#take(taking.request.hash, Buffer.concat(taking.parts)))
    }
    return true
  }

  /**
   * Answers with what an action returns, or with the trouble that it met.
   * @param then what is done after an answer that is no trouble
   * @returns whether it went well
   */
  #answer<T>(action: () => T, then?: (result: T) => void): boolean {
    let result: T
    try {
      result = action()
    } catch (error) {
      const { kind, message } = troubleOf(error, 'do what was asked')
      this.#say({ trouble: kind, message })
      return false
    }
    then?.(result)
    this.#say(result)
    return true
  }

  #say(value: unknown): void {
    process.stdout.write(`${this.#marker}${JSON.stringify(value)}\n`)
  }

  #obey(request: Exclude<Request, { ask: 'take' | 'attach' }>): Answers['facts' | 'time' | 'want' | 'clean'] {
    switch (request.ask) {
      case 'facts':
        this.#directory = directoryAt(request.directory)
        return ownFacts(this.#directory)
      case 'time':
        return { now: Date.now() }
      case 'want':
        return { wanted: this.#wants(request) }
      case 'clean':
        return clean(this.#directory, request)
    }
  }

  #wants({ hash, bytes }: Asked<'want'>): boolean {
    const wanted = wantsBundle(this.#directory, hash, bytes)
    if (!wanted) this.#verified.add(hash)
    return wanted
  }

  #take(hash: string, packed: Buffer): Answers['take'] {
    new Arrival(this.#directory, hash).complete(unpacked(packed))
    return { taken: true }
  }

  /** Becomes what `node agent.js attach FOLDER` would be. */
  #prepare({ run, hash }: Asked<'attach'>): Answers['attach'] {
    if (!FOLDER_NAME.test(run) || run.length > 200) throw new Trouble('protocol', `${run} is no name of a run`)
    claimDirectory(this.#directory)
    if (!this.#verified.has(hash) && !hasBundle(this.#directory, hash))
      throw new Trouble('damaged', `the bundle ${hash} is gone`)
    const folder = join(this.#directory, RUNS, run)
    trying(`make ${folder}`, () => mkdirSync(folder, { recursive: true }))
    process.chdir(this.#directory)
    process.argv = [process.execPath, join(bundleFolder(this.#directory, hash), 'agent.js'), 'attach', folder]
    process.execArgv = []
    return { attached: true }
  }

  /** From here on the stream is the agent's. */
  readonly #handOver = (): void => {
    const { stdin } = process
    stdin.off('data', this.#hear)
    stdin.off('end', leave)
    clearTimeout(this.#patience)
    stdin.pause()
    if (this.#waiting.length > 0) stdin.unshift(this.#waiting)
    // In a turn of its own: the answer comes first.
    setImmediate(() => this.#load(pathToFileURL(process.argv[1]).href).catch(fail))
  }
}

function fail(error: Error): void {
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
}

function unpacked(packed: Buffer): Buffer {
  try {
    return gunzipSync(packed, { maxOutputLength: LARGEST_BUNDLE })
  } catch (error) {
    throw new Trouble('damaged', `the bundle arrived damaged: ${(error as Error).message}`, { cause: error })
  }
}
