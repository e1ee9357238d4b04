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

/**
 * Answers requests until the stream ends.
 * @param marker begins each line that is ours: start-up files of the login shell may print before
 * @param load   imports a module by its address
 */
export function porter(marker: string, load: (url: string) => Promise<unknown>): void {
  const { stdin, stdout } = process
  let directory = directoryAt()
  let waiting: Buffer = Buffer.alloc(0)
  /** Bundles that lie on the disk as they should, as of a moment ago. */
  const verified = new Set<string>()
  let arrival: { readonly hash: string; readonly packed: number; readonly parts: Buffer[]; got: number } | undefined

  const answer = (value: unknown) => stdout.write(`${marker}${JSON.stringify(value)}\n`)
  const attempt = (action: () => unknown) => {
    try {
      answer(action())
    } catch (error) {
      const { kind, message } = troubleOf(error, 'do what was asked')
      answer({ trouble: kind, message })
    }
  }

  function hear(data: Buffer): void {
    waiting = waiting.length === 0 ? data : Buffer.concat([waiting, data])
    while (waiting.length > 0 && (arrival === undefined ? hearLine() : hearBytes()));
  }

  function hearLine(): boolean {
    const end = waiting.indexOf(10)
    if (end < 0) {
      if (waiting.length > LONGEST_REQUEST) process.exit(1)
      return false
    }
    const line = waiting.toString('utf8', 0, end)
    waiting = waiting.subarray(end + 1)
    const request = JSON.parse(line) as Request
    if (request.ask === 'take') arrival = { ...request, parts: [], got: 0 }
    else if (request.ask === 'attach') attach(request)
    else attempt(() => obey(request))
    return request.ask !== 'attach'
  }

  /** Until the last byte is there nothing is written: an upload that is cut leaves nothing behind. */
  function hearBytes(): boolean {
    const { hash, packed, parts } = arrival!
    const part = waiting.subarray(0, packed - arrival!.got)
    waiting = waiting.subarray(part.length)
    parts.push(part)
    arrival!.got += part.length
    if (arrival!.got === packed) {
      arrival = undefined
      attempt(() => take(hash, Buffer.concat(parts)))
    }
    return true
  }

  function take(hash: string, packed: Buffer): Answers['take'] {
    new Arrival(directory, hash).complete(unpacked(packed))
    return { taken: true }
  }

  function wants(hash: string, bytes: number): boolean {
    const wanted = wantsBundle(directory, hash, bytes)
    if (!wanted) verified.add(hash)
    return wanted
  }

  function obey(request: Exclude<Request, { ask: 'take' | 'attach' }>): unknown {
    switch (request.ask) {
      case 'facts':
        directory = directoryAt(request.directory)
        return ownFacts(directory)
      case 'time':
        return { now: Date.now() }
      case 'want':
        return { wanted: wants(request.hash, request.bytes) }
      case 'clean':
        return clean(directory, request)
    }
  }

  /** From here on the stream is the agent's. */
  function attach({ run, hash }: Extract<Request, { ask: 'attach' }>): void {
    let agent = ''
    let folder = ''
    try {
      ;({ agent, folder } = prepare(run, hash))
    } catch (error) {
      const { kind, message } = troubleOf(error, 'attach')
      return void answer({ trouble: kind, message })
    }
    stdin.off('data', hear)
    stdin.off('end', leave)
    stdin.pause()
    if (waiting.length > 0) stdin.unshift(waiting)
    process.chdir(directory)
    process.argv = [process.execPath, agent, 'attach', folder]
    process.execArgv = []
    answer({ attached: true })
    load(pathToFileURL(agent).href).catch(error => {
      process.stderr.write(`${(error as Error).message}\n`)
      process.exit(1)
    })
  }

  function prepare(run: string, hash: string) {
    if (!FOLDER_NAME.test(run) || run.length > 200) throw new Trouble('protocol', `${run} is no name of a run`)
    claimDirectory(directory)
    if (!verified.has(hash) && !hasBundle(directory, hash)) throw new Trouble('damaged', `the bundle ${hash} is gone`)
    const folder = join(directory, RUNS, run)
    trying(`make ${folder}`, () => mkdirSync(folder, { recursive: true }))
    return { agent: join(bundleFolder(directory, hash), 'agent.js'), folder }
  }

  const leave = () => process.exit(0)
  stdin.on('data', hear)
  stdin.on('end', leave)
  // Whoever read our program has paused it.
  stdin.resume()
  // The driver is gone: nobody is left to tell.
  stdout.on('error', leave)
}

function unpacked(packed: Buffer): Buffer {
  try {
    return gunzipSync(packed, { maxOutputLength: LARGEST_BUNDLE })
  } catch (error) {
    throw new Trouble('damaged', `the bundle arrived damaged: ${(error as Error).message}`, { cause: error })
  }
}
