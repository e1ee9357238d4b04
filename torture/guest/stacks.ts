/**
 * JavaScript stacks of workers that do not answer any more. The inspector interrupts a spin, and reaches a thread inside
 * `Atomics.wait` as well. Positions are those of the sources, by the bundle's source maps.
 */
import { readFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { SourceMap } from 'node:module'
import { dirname, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

interface CallFrame {
  readonly functionName: string
  readonly url: string
  readonly location: { readonly lineNumber: number; readonly columnNumber: number }
}
interface Attached {
  readonly sessionId: string
  readonly workerInfo: { readonly workerId: string }
}
/** The types of Node's inspector do not know that workers answer in messages of their own. */
interface WorkerSession {
  connect(): void
  post(method: string, params: object, done?: (error: Error | null) => void): void
  on(event: string, listener: (message: { params: any }) => void): void
}

const MAX_FRAMES = 30

/**
 * @param workers worker ids, as in `worker_threads.threadId`
 * @param budgetMs how long to wait for their answers
 * @returns the frames by worker id, innermost first; whoever did not answer in time is missing
 */
export function stacksOf(workers: readonly number[], budgetMs: number): Promise<Map<number, string[]>> {
  const stacks = new Map<number, string[]>()
  const session = new Session() as unknown as WorkerSession
  const ids = new Map<string, number>()
  const positions = new Positions()
  return new Promise(done => {
    const timer = setTimeout(() => done(stacks), budgetMs)
    const send = (sessionId: string, id: number, method: string) =>
      session.post('NodeWorker.sendMessageToWorker', { sessionId, message: JSON.stringify({ id, method }) })
    session.connect()
    session.on('NodeWorker.attachedToWorker', ({ params }: { params: Attached }) => {
      ids.set(params.sessionId, Number(params.workerInfo.workerId))
      send(params.sessionId, 1, 'Debugger.enable')
      send(params.sessionId, 2, 'Debugger.pause')
    })
    session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
      const message = JSON.parse(params.message)
      if (message.method !== 'Debugger.paused') return
      const frames = (message.params.callFrames as CallFrame[]).slice(0, MAX_FRAMES)
      stacks.set(
        ids.get(params.sessionId) ?? 0,
        frames.map(frame => positions.describe(frame)),
      )
      // A paused worker cannot be ended.
      send(params.sessionId, 3, 'Debugger.resume')
      if (!workers.every(worker => stacks.has(worker))) return
      clearTimeout(timer)
      // Gives the resumes a moment to arrive.
      setTimeout(() => done(stacks), 20)
    })
    session.post('NodeWorker.enable', { waitForDebuggerOnStart: false }, error => {
      if (error) done(stacks)
    })
  })
}

/** Positions in the bundle as positions in the sources. */
class Positions {
  readonly #maps = new Map<string, SourceMap | undefined>()

  describe({ functionName, url, location }: CallFrame): string {
    const name = functionName || '(anonymous)'
    const { lineNumber: line, columnNumber: column } = location
    const entry = this.#mapOf(url)?.findEntry(line, column)
    if (entry && 'originalSource' in entry) {
      const source = resolve(dirname(fileURLToPath(url)), entry.originalSource.replace(/^file:\/\//, ''))
      return `${name} (${relative(process.cwd(), source)}:${entry.originalLine + 1}:${entry.originalColumn + 1})`
    }
    return `${name} (${url}:${line + 1}:${column + 1})`
  }

  #mapOf(url: string): SourceMap | undefined {
    if (!url.startsWith('file:')) return undefined
    if (!this.#maps.has(url)) this.#maps.set(url, loadMap(fileURLToPath(url)))
    return this.#maps.get(url)
  }
}

function loadMap(file: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8')))
  } catch {
    // A file without a source map: piscina's own, for one.
    return undefined
  }
}
