/**
 * Makes a failing schedule simpler until no single step of simplification is left: without any one of its context
 * switches or operations it does not fail any more. In the spirit of delta debugging (Zeller and Hildebrandt, 2002):
 * large parts first, then one at a time.
 *
 * A candidate is carried out leniently, so what was done differs from what was wanted; only what was done counts.
 */
import {
  actorsOf,
  collapsed,
  type Done,
  joined,
  mergedBack,
  mergedForward,
  type Run,
  runsOf,
  shortened,
  switched,
  switchesOf,
  without,
} from '../schedule/runs.ts'
import type { Schedule } from '../schedule/schedule.ts'

export interface Attempt {
  /** In the same way: the same oracle, with the same message but for numbers. */
  readonly failed: boolean
  /** What was really done, up to the failure or the end. */
  readonly actual: Schedule
  /** Switches away from a thread that could have gone on. */
  readonly preemptions: number
  /** By step, bits of the actors that could have gone there, where that may matter; left out: any, anywhere. */
  readonly able?: ArrayLike<number>
}

/** In the order of importance. */
export interface Cost {
  readonly preemptions: number
  readonly switches: number
  readonly steps: number
  /** Of `more()` that are answered with yes, all threads together. */
  readonly calls: number
}

export interface Minimised {
  readonly schedule: Schedule
  readonly cost: Cost
  /** Executions that it took. */
  readonly tried: number
  /** Whether nothing is left to try: otherwise the budget was used up, or the given schedule did not fail. */
  readonly minimal: boolean
}

export interface Budget {
  /** Executions. */
  readonly attempts: number
  readonly ms: number
  /** Asked before each execution: whether it is to end with what there is. */
  readonly enough?: () => boolean
}

type Carry = (schedule: Schedule) => Attempt | Promise<Attempt>

/**
 * The same for the same arguments, unless the time runs out.
 * @param attempt carries a schedule out leniently, the same way every time
 */
export async function minimise(schedule: Schedule, attempt: Carry, budget: Budget): Promise<Minimised> {
  const minimiser = new Minimiser(attempt, budget)
  return minimiser.run(schedule)
}

/** How far off a guess of how many steps some calls take may be. */
const GUESSES = 12
/** Parts up to this are tried one by one. */
const FINE = 32
/** Schedules of so few switches are tried without looking at the one that was found, and at most so many of them. */
const SCRATCH_SWITCHES = 2
const SCRATCH_ATTEMPTS = 3000
/** Steps of all of them with the same number of switches: they are kept. */
const SCRATCH_STEPS = 1_000_000

/** Schedules with the same number of switches, and of calls. */
interface Level {
  readonly calls: readonly number[] | undefined
  readonly done: readonly Done[]
}

interface Best extends Attempt {
  readonly runs: readonly Run[]
  readonly cost: Cost
}

/** Tries one simplification of the best schedule so far. True if it became the best. */
type Move = () => Promise<boolean>

class Minimiser {
  readonly #attempt: Carry
  readonly #budget: Budget
  readonly #deadline: number
  /**
   * By the texts of candidates: how far the last actor goes by itself when nothing more is wanted. A candidate that was
   * not better once never is, since the best only gets better.
   */
  readonly #tried = new Map<string, number>()
  #best!: Best
  #count = 0
  /** Whether something was not tried for want of time or attempts. */
  #cut = false

  constructor(attempt: Carry, budget: Budget) {
    this.#attempt = attempt
    this.#budget = budget
    this.#deadline = performance.now() + budget.ms
  }

  async run(schedule: Schedule): Promise<Minimised> {
    this.#best = await this.#carry(schedule)
    if (!this.#best.failed) return { schedule, cost: this.#best.cost, tried: 1, minimal: false }
    await this.#fromScratch()
    await this.#fewerCalls()
    await this.#beginnings()
    await this.#ends()
    await this.#windows()
    await this.#oneByOne()
    return { schedule: this.#best.actual, cost: this.#best.cost, tried: this.#count, minimal: !this.#cut }
  }

  /**
   * Most failures need one or two switches, wherever the one that was found has its hundreds: all schedules of so few
   * are tried first, with few calls before more.
   */
  async #fromScratch(): Promise<void> {
    const { ops, actors } = this.#best.actual
    const known = [...new Set(actors)]
    const { attempts, ms } = this.#budget
    const limit = { attempts: Math.min(SCRATCH_ATTEMPTS, attempts / 4), until: performance.now() + ms / 4 }
    let levels = levelsOf(ops).map((calls): Level => ({ calls, done: [{ actors: [], from: 0 }] }))
    const found = this.#best
    for (let depth = 0; depth <= SCRATCH_SWITCHES && this.#best === found; depth++) {
      const deeper: Level[] = []
      for (const { calls, done } of levels)
        deeper.push({ calls, done: await this.#level(depth === 0 ? [[]] : switched(done, known), calls, limit) })
      levels = deeper
    }
  }

  /** Tries beginnings until one is enough. Returns what was done where their last switch was possible. */
  async #level(
    beginnings: Iterable<readonly number[]>,
    ops: readonly number[] | undefined,
    limit: { readonly attempts: number; readonly until: number },
  ): Promise<Done[]> {
    const found = this.#best
    const done: Done[] = []
    let steps = 0
    const enough = () =>
      this.#best !== found || this.#count > limit.attempts || performance.now() > limit.until || this.#isOver()
    for (const beginning of beginnings) {
      if (steps > SCRATCH_STEPS || enough()) break
      const made = await this.#try(runsOf(beginning), ops)
      const { length } = beginning
      if (made === undefined || (length > 0 && made.actual.actors[length - 1] !== beginning[length - 1])) continue
      steps += made.actual.actors.length
      const { actual, able } = made
      done.push({ actors: actual.actors, from: length, ...(able && { able }) })
    }
    return done
  }

  /** Lets `more()` say yes less often: to all threads at once, before it is each one's turn. */
  async #fewerCalls(): Promise<void> {
    const { ops = [] } = this.#best.actual
    for (let most = 1; most < Math.max(0, ...ops); most *= 2) {
      const fewer = ops.map(n => Math.min(n, most))
      const { runs } = this.#best
      if (await this.#accepts(runs, fewer)) return
      const later = fewer.reduce((rest, n, t) => without(rest, t, this.#share(t, ops[t] - n)), runs)
      if (await this.#accepts(later, fewer)) return
    }
  }

  /** The shortest beginning that is enough, more or less: most of what a random walk did is of no account. */
  async #beginnings(): Promise<void> {
    const { runs } = this.#best
    for (let length = 0; length < runs.length; length = Math.max(1, length * 2))
      if (await this.#accepts(runs.slice(0, length))) return
  }

  /** The shortest end that is enough, likewise: what a schedule asks for first is often why it is long, and no more. */
  async #ends(): Promise<void> {
    const { runs } = this.#best
    for (let length = 1; length < runs.length; length *= 2) if (await this.#accepts(runs.slice(-length))) return
  }

  /** Large parts without any switch but the necessary ones, then smaller ones. */
  async #windows(): Promise<void> {
    for (let size = this.#best.runs.length; size > 2; size >>= 1) {
      for (let from = 0; from + 2 < this.#best.runs.length; ) {
        const { runs } = this.#best
        const simpler =
          (await this.#accepts(collapsed(runs, from, from + size, 'first'))) ||
          (await this.#accepts(collapsed(runs, from, from + size, 'last')))
        if (!simpler) from += Math.ceil(size / 2)
      }
    }
  }

  /** Until none of the smallest simplifications is left. */
  async #oneByOne(): Promise<void> {
    let moves = this.#moves()
    for (let at = 0, inVain = 0; inVain < moves.length && !this.#cut; ) {
      if (await moves[at % moves.length]()) {
        moves = this.#moves()
        inVain = 0
      } else {
        at++
        inVain++
      }
    }
  }

  #moves(): Move[] {
    const { runs, actual } = this.#best
    const calls = (actual.ops ?? []).flatMap((n, thread) => partsOf(n).map(fewer => () => this.#calls(thread, fewer)))
    const moves = runs.flatMap(({ count }, n): Move[] => [
      () => this.#accepts(mergedBack(runs, n)),
      () => this.#accepts(mergedForward(runs, n)),
      () => this.#delays(n),
      ...partsOf(count).map(fewer => () => this.#accepts(shortened(runs, n, fewer))),
    ])
    return [...calls, ...moves]
  }

  /** Fewer calls for one thread: its last ones are left out, or as well as that can be guessed its first ones. */
  async #calls(thread: number, fewer: number): Promise<boolean> {
    const { runs, actual } = this.#best
    const ops = actual.ops!.with(thread, actual.ops![thread] - fewer)
    if (await this.#accepts(runs, ops)) return true
    const share = this.#share(thread, fewer)
    for (let steps = Math.max(1, share - GUESSES); steps <= share + GUESSES; steps++)
      if (await this.#accepts(without(runs, thread, steps), ops)) return true
    return false
  }

  /** Steps that so many calls are likely to take a thread. */
  #share(thread: number, calls: number): number {
    const { ops, actors } = this.#best.actual
    return calls === 0 ? 0 : Math.round((calls / ops![thread]) * actors.filter(actor => actor === thread).length)
  }

  /** Switches after run n only where its thread ends, sleeps or repeats itself: no thread is preempted there. */
  async #delays(n: number): Promise<boolean> {
    const { runs } = this.#best
    const beginning = runs.slice(0, n + 1)
    const { actor } = runs[n]
    if (await this.#accepts(beginning)) return true
    const reach = this.#tried.get(textOf(beginning, this.#best.actual.ops)) ?? 0
    if (reach === 0) return false
    return this.#accepts([...beginning, { actor, count: reach }, ...without(runs.slice(n + 1), actor, reach)])
  }

  async #accepts(runs: readonly Run[] | undefined, ops?: readonly number[]): Promise<boolean> {
    return runs !== undefined && (await this.#try(runs, ops)) === this.#best
  }

  /** What came of it, which is the best from now on if it is better. Undefined if it is not worth trying, or too late. */
  async #try(runs: readonly Run[], ops = this.#best.actual.ops): Promise<Best | undefined> {
    const text = textOf(runs, ops)
    if (this.#tried.has(text)) return undefined
    if (this.#isOver()) return undefined
    const { round } = this.#best.actual
    const actors = actorsOf(runs)
    const attempt = await this.#carry({ round, ...(ops !== undefined && { ops }), actors })
    this.#tried.set(text, reachOf(actors, attempt.actual.actors))
    if (attempt.failed && isCheaper(attempt.cost, this.#best.cost)) this.#best = attempt
    return attempt
  }

  #isOver(): boolean {
    const { attempts, enough } = this.#budget
    this.#cut ||= this.#count >= attempts || performance.now() >= this.#deadline || enough?.() === true
    return this.#cut
  }

  async #carry(schedule: Schedule): Promise<Best> {
    this.#count++
    const attempt = await this.#attempt(schedule)
    const { actors, ops = [] } = attempt.actual
    const calls = ops.reduce((sum, n) => sum + n, 0)
    const cost = { preemptions: attempt.preemptions, switches: switchesOf(actors), steps: actors.length, calls }
    return { ...attempt, runs: runsOf(actors), cost }
  }
}

/** One call for each thread, two, and so on, and as many as there were. */
function levelsOf(ops: readonly number[] | undefined): (readonly number[] | undefined)[] {
  if (ops === undefined) return [undefined]
  const levels: (readonly number[])[] = []
  for (let most = 1; most < Math.max(0, ...ops); most *= 2) levels.push(ops.map(n => Math.min(n, most)))
  return [...levels, ops]
}

function isCheaper(a: Cost, b: Cost): boolean {
  if (a.preemptions !== b.preemptions) return a.preemptions < b.preemptions
  if (a.switches !== b.switches) return a.switches < b.switches
  return a.steps !== b.steps ? a.steps < b.steps : a.calls < b.calls
}

/** Parts of n, large ones first: all of it, the half, and so on, and in the end each one down to 1. */
function partsOf(n: number): number[] {
  const parts: number[] = []
  for (let part = n; part > 0; part = part > FINE ? part >> 1 : part - 1) parts.push(part)
  return parts
}

/** How far the last actor of a beginning goes after it, where it was done as wanted. */
function reachOf(wanted: readonly number[], actual: readonly number[]): number {
  if (wanted.some((actor, step) => actual[step] !== actor)) return 0
  const end = actual.findIndex((actor, step) => step >= wanted.length && actor !== wanted.at(-1))
  return (end < 0 ? actual.length : end) - wanted.length
}

/** The same for runs that stand for the same schedule. */
const textOf = (runs: readonly Run[], ops: readonly number[] = []): string =>
  [ops, ...joined(runs).map(({ actor, count }) => `${actor}*${count}`)].join(' ')
