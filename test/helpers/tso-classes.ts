/**
 * Total store order by brute force: every order in which threads and store buffers can take their turns, and the classes
 * of those that differ only in the order of independent steps, by a relation that is said here a second time.
 */
import type { Board } from '../../torture/explore/schedule/board.ts'
import { STEP } from '../../torture/explore/schedule/board.ts'
import { effectAt, type StepEffect } from '../../torture/explore/schedule/effect.ts'
import { DID, OP } from '../../torture/explore/schedule/ops.ts'
import { Dpor } from '../../torture/explore/strategies/dpor.ts'
import { HappensBefore } from '../../torture/explore/strategies/happens-before.ts'
import { classUnder, Everything } from './everything.ts'
import { record, type Subject } from './recorded.ts'
import { WeakMachine } from './weak-machine.ts'

interface TsoStep extends StepEffect {
  /** The thread, or whose buffer it is. */
  readonly owner: number
  /** Actors that could be chosen. */
  readonly eligible: number
  /** Of its actor's stores that were delayed, or reached memory. */
  readonly nth: number
}
type Trace = readonly TsoStep[]

interface Explored {
  /** What each schedule came to. */
  readonly outcomes: ReadonlyMap<string, string>
  /** How many schedules are of each class. */
  readonly classes: ReadonlyMap<string, number>
  readonly traces: ReadonlyMap<string, Trace>
}

interface Options {
  /** Whether threads that repeat themselves make way for others. */
  readonly spins?: boolean
}

const MOST = 300_000

/** Where there are more schedules, not all neighbours are looked at. */
const SWAPPED = 1500

/** Stores that a thread can have delayed. */
const DEPTH = 16

/** Every schedule. */
export const byForce = (subject: Subject, options: Options = {}): Explored =>
  explore(new WeakMachine(subject, 'tso', () => [new Everything()], options))

export function byDpor(
  subject: Subject,
  options: Options = {},
): Explored & { readonly dpor: Dpor; readonly misordered: readonly string[] } {
  const machine = new WeakMachine(subject, 'tso', (board: Board) => [new Dpor(board.scratch(0))], options)
  const misordered: string[] = []
  const explored = explore(machine, trace => misordered.push(...disorder(machine.board, trace)))
  return { ...explored, misordered, dpor: machine.strategies[0] as Dpor }
}

/** Pairs of steps whose order the reduction takes for fixed although it is not, or the other way round. */
function disorder(board: Board, trace: Trace): string[] {
  const order = new HappensBefore(false)
  const wrong: string[] = []
  /** By step, those that come before it. */
  const known: Set<number>[] = []
  for (let at = 0; at < trace.length; at++) {
    order.extend(board)
    const before = new Set<number>()
    for (let n = 0; n < at; n++) if (isBefore(trace, n, at)) for (const m of [n, ...known[n]]) before.add(m)
    known.push(before)
    for (let n = 0; n < at; n++)
      if (order.isBefore(n, at) !== before.has(n))
        wrong.push(`${trace.map(({ actor }) => actor)}: ${n} ${before.has(n) ? 'is' : 'is not'} before ${at}`)
  }
  return wrong
}

function explore(machine: WeakMachine, look: (trace: Trace) => void = () => {}): Explored {
  record()
  const outcomes = new Map<string, string>()
  const classes = new Map<string, number>()
  const traces = new Map<string, Trace>()
  for (;;) {
    const ran = machine.runIfAny(0, { fullWaits: true })
    if (ran === undefined) return { outcomes, classes, traces }
    if (outcomes.size > MOST) throw new RangeError(`more than ${MOST} schedules`)
    const trace = traceOf(machine.board)
    look(trace)
    const schedule = ran.schedule.join()
    const name = classUnder(trace, isBefore)
    outcomes.set(schedule, ran.outcome)
    traces.set(schedule, trace)
    classes.set(name, (classes.get(name) ?? 0) + 1)
  }
}

/** Explores all by the reduction and by force, and says what is wrong with that: nothing, as it should be. */
export function compare(subject: Subject, options: Options = {}) {
  const all = byForce(subject, options)
  const found = byDpor(subject, options)
  const { dpor } = found
  const ends = new Set(all.outcomes.values())
  const foundEnds = new Set(found.outcomes.values())
  const lost = [...ends].filter(outcome => !foundEnds.has(outcome))
  const missing = [...all.classes.keys()].filter(name => !found.classes.has(name)).length
  // Who repeats itself goes when nobody else can, so not every two neighbours can be swapped.
  const unlike = options.spins || all.outcomes.size > SWAPPED ? [] : swaps(all)
  const wrong = [
    ...(lost.length > 0 ? [`not found: ${lost.join(', ')}`] : []),
    ...(missing > 0 ? [`${missing} classes are missing`] : []),
    ...(dpor.classes !== all.classes.size ? [`${dpor.classes} classes of ${all.classes.size}`] : []),
    ...(dpor.exhausted ? [] : ['not exhausted']),
    ...unlike.slice(0, 1),
    ...found.misordered.slice(0, 1),
  ]
  return { wrong: wrong.join('; '), outcomes: ends, classes: all.classes.size, all: all.outcomes.size, dpor }
}

/**
 * Of neighbouring steps that are called independent, whether the other order can be taken, and comes to the same: if it
 * does in every schedule, then one schedule of each class is as good as all of them.
 */
function swaps({ outcomes, traces }: Explored): string[] {
  const wrong: string[] = []
  for (const [schedule, trace] of traces) {
    const actors = schedule.split(',')
    for (let at = 1; at < trace.length; at++) {
      if (trace[at - 1].kind === OP.start || isBefore(trace, at - 1, at)) continue
      const other = [...actors.slice(0, at - 1), actors[at], actors[at - 1], ...actors.slice(at + 1)].join()
      if (outcomes.get(other) !== outcomes.get(schedule))
        wrong.push(`${schedule} and ${other}: ${outcomes.get(schedule)} and ${outcomes.get(other)}`)
    }
  }
  return wrong
}

function traceOf(board: Board): Trace {
  let steps = board.steps
  // The rounds of a livelock.
  while (steps > 0 && board.at(steps - 1, STEP.enabled) === 0) steps--
  const stores = new Array<number>(2 * board.threads).fill(0)
  return Array.from({ length: steps }, (_, step) => {
    const effect = effectAt(board, step)
    const { actor, kind, did } = effect
    const nth = kind === OP.drain || (did & DID.delay) !== 0 ? stores[actor]++ : -1
    return { ...effect, owner: actor % board.threads, eligible: board.at(step, STEP.enabled), nth }
  })
}

/** Whether the order of two steps is fixed by themselves, not only by others between them. */
function isBefore(trace: Trace, before: number, at: number): boolean {
  const [a, b] = [trace[before], trace[at]]
  if (a.actor === b.actor) return true
  if ((b.eligible & (1 << b.actor)) === 0) return true
  if (a.owner === b.owner) return isOwed(trace, before, at)
  return meet(a, b) || awaits(trace, before, b) || awaits(trace, at, a)
}

/** A thread and its own buffer. */
function isOwed(trace: Trace, before: number, at: number): boolean {
  const [a, b] = [trace[before], trace[at]]
  if (isDelay(a)) return b.kind === OP.drain && a.nth === b.nth
  if (isDelay(b)) return a.nth === b.nth - DEPTH
  return a.kind === OP.drain && (b.did & DID.full) !== 0
}

const isDelay = ({ did }: TsoStep): boolean => (did & DID.delay) !== 0

/** Steps of different threads or of their buffers: they use the same memory, one to change it, or the same queue. */
function meet(a: TsoStep, b: TsoStep): boolean {
  if (a.address !== b.address) return false
  const [usesA, usesB] = [a, b].map(step => !isDelay(step) && step.kind >= OP.load && !onlyQueues.includes(step.kind))
  if (usesA && usesB && ((a.did | b.did) & DID.write) !== 0) return true
  const queues = [OP.wait, OP.wake, OP.notify] as readonly number[]
  if (!queues.includes(a.kind) || !queues.includes(b.kind)) return false
  return a.kind === OP.notify || b.kind === OP.notify || (a.did & b.did & DID.sleep) !== 0
}
const onlyQueues: readonly number[] = [OP.wake, OP.notify]

/** Whether the thread was spinning and had looked for what another step did since it last got somewhere itself. */
function awaits(trace: Trace, at: number, other: TsoStep): boolean {
  const { actor, did, kind } = trace[at]
  if ((did & DID.awakened) === 0 || kind === OP.wake || kind === OP.drain) return false
  for (let step = at - 1; step >= 0; step--) {
    const look = trace[step]
    if (look.actor !== actor) continue
    if ((look.did & (DID.change | DID.delay)) !== 0) return false
    const wanted = look.kind === OP.notify ? DID.sleep : look.kind === OP.wake ? 0 : DID.change
    if (look.address === other.address && (other.did & wanted) !== 0) return true
  }
  return false
}
