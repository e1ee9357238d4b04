/**
 * Sites: the named points of the library. A site is at once the switch of a bug, a counter of how often its window was
 * entered, a place to lose time on purpose, and an event of the flight recorder.
 *
 * The library knows nobody: who runs it hands a configuration in through `workerData.torture` before this module is
 * evaluated (the switches) and through `configureSites` before the work starts (counters, recorder, delays). Without
 * either, sites cost a store and a decrement and do nothing.
 *
 * All state here belongs to one thread: each worker evaluates its own copy of the module. What others read (the
 * counters, the recorder's ring) they read when the thread is done or stuck, never to decide anything.
 */
import { workerData } from 'node:worker_threads'

interface Switches {
  readonly bugs?: readonly string[]
}

const switches: Switches = (workerData as { torture?: Switches } | null)?.torture ?? {}
const enabled = new Set(switches.bugs ?? [])
const names: string[] = []

/** Most sites one program may name; the counters' size. */
export const MAX_SITES = 256

/**
 * Whether a bug is switched on. Call it once, at module level, so that the answer is a constant that the compiler
 * folds: `const PUT_EARLY = bug('vma-put-early')`.
 */
export function bug(id: string): boolean {
  return enabled.has(id)
}

/** Names a site. Call it at module level; the number is stable within one bundle. */
export function site(name: string): number {
  const known = names.indexOf(name)
  if (known >= 0) return known
  if (names.length >= MAX_SITES) throw new Error(`more than ${MAX_SITES} sites: raise MAX_SITES`)
  return names.push(name) - 1
}

/** Names of all sites, by number. */
export function siteNames(): readonly string[] {
  return names
}

/** One entry of the recorder: site, two arguments, time in microseconds (0: none was taken). */
export const ENTRY_WORDS = 4

/** What a thread's sites do; cells are shared with whoever reads them. */
export interface SiteConfig {
  /** One counter per site; length `MAX_SITES`. */
  readonly hits: Int32Array
  /** The flight recorder: a ring of entries. Its length is `ENTRY_WORDS` times a power of two. */
  readonly ring: Int32Array
  /** One word: the number of entries written so far, updated when the thread passes a slow site. */
  readonly cursor: Int32Array
  /** On average one site in `delayEvery` loses time; 0: none does. */
  readonly delayEvery: number
  /**
   * Loses the time at a site, given by number: spins or sleeps as it likes, calling `interrupt` every few microseconds,
   * as a CPU takes interrupts while its thread makes no progress.
   */
  readonly delay: (at: number, interrupt: () => void) => void
  /** A draw in [0, bound). */
  readonly below: (bound: number) => number
  /** Whether delays are cut short to one turn: time is nobody's concern, and who goes when is decided anyway. */
  readonly brief?: boolean
  /** Time stamps in microseconds, 0 for none. Left out: a clock that all threads of a process share. */
  readonly micros?: () => number
}

const NEVER = 0x7fffffff

let hits: Int32Array = new Int32Array(MAX_SITES)
let ring: Int32Array = new Int32Array(ENTRY_WORDS)
let mask = 0
let cursor: Int32Array = new Int32Array(1)
let written = 0
let countdown = NEVER
let delayEvery = 0
let delay: SiteConfig['delay'] = () => {}
let interrupt: () => void = () => {}
let below: (bound: number) => number = () => 0
let brief = false
let micros: () => number = sharedMicros

/**
 * Hands this thread's sites their counters, recorder and delays. To be called after the last `site` and before the
 * work. Throws an Error on too few hits, or on a ring that holds no power of two of entries.
 */
export function configureSites(config: SiteConfig): void {
  const entries = config.ring.length / ENTRY_WORDS
  if (config.hits.length < MAX_SITES) throw new Error(`hits must have ${MAX_SITES} words`)
  if (entries < 1 || (entries & (entries - 1)) !== 0) throw new Error('the ring must hold a power of two of entries')
  hits = config.hits
  ring = config.ring
  mask = entries - 1
  cursor = config.cursor
  written = 0
  delayEvery = config.delayEvery
  delay = config.delay
  below = config.below
  brief = config.brief ?? false
  micros = config.micros ?? sharedMicros
  rearm()
}

/** Says how this thread takes an interrupt while it loses time at a site. */
export function interruptWith(poll: () => void): void {
  interrupt = poll
}

/** Of so many turns of a delay, those that are to be taken. */
export function turnsOf(turns: number): number {
  return brief ? Math.min(turns, 1) : turns
}

/** Draws after how many sites time is lost next: geometric would need a logarithm, uniform with the same mean will do. */
function rearm(): void {
  countdown = delayEvery === 0 ? NEVER : 1 + below(2 * delayEvery)
}

function record(at: number, a: number, b: number, time: number): void {
  hits[at]++
  const entry = (written++ & mask) << 2
  ring[entry] = at
  ring[entry + 1] = a
  ring[entry + 2] = b
  ring[entry + 3] = time
}

/** Passes a site of the hot path: counted, recorded without a time, now and then delayed. */
export function pass(at: number, a: number, b: number): void {
  record(at, a, b, 0)
  if (--countdown === 0) lose(at, interrupt)
}

/** As `pass`, where interrupts are off: in the middle of an access. */
export function passMasked(at: number, a: number, b: number): void {
  record(at, a, b, 0)
  if (--countdown === 0) lose(at, masked)
}

/** Passes a site of a slow path: as `pass`, with a time stamp, and the ring's cursor made visible. */
export function passSlow(at: number, a: number, b: number): void {
  record(at, a, b, micros())
  cursor[0] = written
  if (--countdown === 0) lose(at, interrupt)
}

const masked = () => {}

function lose(at: number, poll: () => void): void {
  if (delayEvery !== 0) delay(at, poll)
  rearm()
}

/** Makes the ring's cursor visible to whoever merges the recorders: at a round's end, and on a failure. */
export function publishCursor(): void {
  cursor[0] = written
}

/** Microseconds on the clock that all threads of a process share, modulo 2^31, never 0. */
function sharedMicros(): number {
  return (((performance.timeOrigin + performance.now()) * 1000) % 0x7fffffff) | 0 || 1
}
