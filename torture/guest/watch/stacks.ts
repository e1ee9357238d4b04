/**
 * JavaScript stacks of workers that do not answer any more. The inspector interrupts a spin, and reaches a thread inside
 * `Atomics.wait` as well. Positions are those of the sources, by the bundle's source maps. Who spins is watched for a
 * moment: which words does it look at?
 */
import { Session } from 'node:inspector'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { originalPositions, sourcePosition } from '../../bundle/original.ts'
import { type Spun, TELL_SPINS } from './spins.ts'

interface CallFrame {
  readonly callFrameId: string
  readonly functionName: string
  readonly location: { readonly scriptId: string; readonly lineNumber: number; readonly columnNumber: number }
}
/** Node's types do not know that workers answer in messages of their own. */
interface InspectorSession {
  connect(): void
  disconnect(): void
  post(method: string, params: object): void
  on(event: string, listener: (message: { params: any }) => void): void
}

interface WorkerMessage {
  readonly method?: string
  readonly id?: number
  readonly params?: any
  readonly result?: any
}

export interface Standstill {
  /** Innermost first. */
  readonly frames: readonly string[]
  /** Words that a spinning thread looked at. */
  readonly spins: readonly Spun[]
}

/** What is compiled lies side by side in the bundle's folder. */
const BUNDLE = dirname(fileURLToPath(import.meta.url))
const BETWEEN = '\n\0\n'

const MAX_FRAMES = 30
/** The harness's own among them. */
const MAX_KNOWN = 200
const POLL_MS = 5
/** Who has taken the order to pause and does not within this time runs no JavaScript: it sleeps in its event loop. */
const IDLE_MS = 200
/** On a crowded machine a worker may have had no CPU yet to pause at all, nor to hear that it need not. */
const LET_GO_MS = 10_000
/** How long a spin is watched, and how often that is tried: on a crowded machine it may not have had a CPU meanwhile. */
const WATCH_MS = 30
const MOST_WATCHES = 50

/**
 * Interrupts workers, looks, and lets them go: one that stays paused cannot be ended, nor can the process.
 *
 * @param ids of the workers: `worker_threads.threadId`
 * @param spinning those of them that are to be watched
 * @param budgetMs how long to wait for the workers' answers, before they are let go
 * @returns what was seen by worker id; who did not answer in time is missing
 */
export async function stacksOf(
  ids: readonly number[],
  spinning: ReadonlySet<number>,
  budgetMs: number,
): Promise<Map<number, Standstill>> {
  const session = new Session() as unknown as InspectorSession
  const workers = new Map<string, WorkerDebugger>()
  // The inspector calls its listeners in the middle of anything, Node's own timers included: they may only take notes.
  const notes: { sessionId: string; message: WorkerMessage }[] = []
  session.connect()
  session.on('NodeWorker.attachedToWorker', ({ params: { sessionId, workerInfo } }) => {
    const id = threadIdOf(workerInfo)
    if (ids.includes(id)) workers.set(sessionId, new WorkerDebugger(session, sessionId, id, spinning.has(id)))
  })
  session.on('NodeWorker.receivedMessageFromWorker', ({ params: { sessionId, message } }) => {
    notes.push({ sessionId, message: JSON.parse(message) })
  })
  // Announces the workers before it returns.
  session.post('NodeWorker.enable', { waitForDebuggerOnStart: false })
  for (const worker of workers.values()) worker.pause()
  const listen = async (ms: number) => {
    const deadline = performance.now() + ms
    while (performance.now() < deadline && [...workers.values()].some(worker => !worker.released)) {
      await sleep(POLL_MS)
      for (const { sessionId, message } of notes.splice(0)) workers.get(sessionId)?.receive(message)
      for (const worker of workers.values()) worker.tick()
    }
  }
  await listen(budgetMs)
  // Whoever is still to pause would do so with nobody there to let it go.
  for (const worker of workers.values()) worker.letGo()
  await listen(LET_GO_MS)
  session.disconnect()
  const seen = [...workers.values()].filter(({ frames }) => frames.length > 0)
  const stacks = inSources(seen.map(({ frames }) => frames))
  return new Map(seen.map(({ id, spins }, n) => [id, { frames: withoutOurs(stacks[n]), spins }]))
}

/**
 * The worker's `threadId` stands in its title, `[worker 4] name`; its `workerId` is the session's own count of the
 * workers it met, in no order, and is the same number only by chance.
 */
function threadIdOf({ workerId, title }: { readonly workerId: string; readonly title?: string }): number {
  return Number(/\bworker (\d+)/i.exec(title ?? '')?.[1] ?? workerId)
}

/** The debugger of one worker: enable, pause, look, resume, disable; where it spins, let it note, and pause again. */
class WorkerDebugger {
  readonly id: number
  frames: readonly string[] = []
  spins: readonly Spun[] = []
  /** Whether the worker runs again as if nothing had been. */
  released = false
  readonly #send: (method: string, params?: object) => number
  #watches: number
  readonly #scripts = new Map<string, string>()
  #ordered = 0
  #orderTaken = Number.POSITIVE_INFINITY
  #watchUntil = Number.POSITIVE_INFINITY
  #asked = 0
  #disabled = 0

  constructor(session: InspectorSession, sessionId: string, id: number, watches: boolean) {
    let sent = 0
    this.id = id
    this.#watches = watches ? MOST_WATCHES : 0
    this.#send = (method, params) => {
      const message = JSON.stringify({ id: ++sent, method, params })
      session.post('NodeWorker.sendMessageToWorker', { sessionId, message })
      return sent
    }
  }

  pause(): void {
    this.#send('Debugger.enable')
    this.#order()
  }

  /** It is looked at no more. */
  letGo(): void {
    this.#watches = 0
    this.#watchUntil = Number.POSITIVE_INFINITY
    this.#disable()
  }

  tick(): void {
    const time = performance.now()
    if (time > this.#watchUntil) {
      this.#watchUntil = Number.POSITIVE_INFINITY
      this.#order()
    } else if (time > this.#orderTaken + IDLE_MS) {
      // Takes the order back: it would be carried out when the process ends.
      this.#disable()
    }
  }

  receive({ method, id, params, result }: WorkerMessage): void {
    if (method === 'Debugger.scriptParsed') this.#scripts.set(params.scriptId, params.url)
    if (method === 'Debugger.paused') this.#look(params.callFrames)
    if (method === 'Debugger.resumed' && this.#watchUntil === Number.POSITIVE_INFINITY) this.#disable()
    if (id === undefined) return
    if (id === this.#ordered) this.#orderTaken = performance.now()
    if (id === this.#asked) this.#told(JSON.parse(result?.result?.value ?? '[]'))
    if (id === this.#disabled) this.released = true
  }

  #order(): void {
    this.#orderTaken = Number.POSITIVE_INFINITY
    this.#ordered = this.#send('Debugger.pause')
  }

  #look(callFrames: readonly CallFrame[]): void {
    if (this.frames.length === 0) this.frames = callFrames.slice(0, MAX_KNOWN).map(frame => this.#describe(frame))
    if (this.#watches-- > 0 && callFrames.length > 0) {
      const [{ callFrameId }] = callFrames
      this.#asked = this.#send('Debugger.evaluateOnCallFrame', { callFrameId, expression: TELL_SPINS })
    }
    this.#orderTaken = Number.POSITIVE_INFINITY
    this.#send('Debugger.resume')
  }

  /** Comes before the worker goes on. Nothing yet: it shall be asked once more. */
  #told(spins: readonly Spun[]): void {
    this.spins = spins
    if (spins.length === 0 && this.#watches > 0) this.#watchUntil = performance.now() + WATCH_MS
  }

  #disable(): void {
    if (this.#disabled === 0) this.#disabled = this.#send('Debugger.disable')
  }

  #describe({ functionName, location: { scriptId, lineNumber, columnNumber } }: CallFrame): string {
    const url = this.#scripts.get(scriptId) ?? ''
    return `${functionName || '(anonymous)'} (${url}:${lineNumber + 1}:${columnNumber + 1})`
  }
}

/** Where the harness stands between a body and its atomic operation: noting a wait, or losing time on purpose. */
const OURS = /[(\\/]torture[\\/]guest[\\/]jitter[\\/](atomics|delays)\.ts:\d+:\d+\)$/

/** From the innermost frame of the program itself on; who reads a stack wants to know what the program does. */
function withoutOurs(frames: readonly string[]): string[] {
  // What lies further in, such as the clock that a delay reads, is ours as well.
  const rest = frames.slice(frames.findLastIndex(frame => OURS.test(frame)) + 1)
  return (rest.length > 0 ? rest : frames).slice(0, MAX_FRAMES)
}

/** A source that the bundle keeps is called as where it came from. */
function shown(frame: string): string {
  const place = sourcePosition(frame, BUNDLE)
  if (place === undefined) return frame
  const file = place.source.replace(/^src\/(user|torture)\//, '')
  return `${frame.slice(0, frame.indexOf(BUNDLE))}${file}:${place.position})`
}

/** Positions in the bundle as positions in the sources; of all at once, since each call reads the maps. */
function inSources(stacks: readonly (readonly string[])[]): string[][] {
  const text = originalPositions(stacks.map(frames => frames.join('\n')).join(BETWEEN), BUNDLE)
  return text.split(BETWEEN).map(stack => stack.split('\n').map(shown))
}
