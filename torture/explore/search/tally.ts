/** What an exploration did, added up, and what that is worth. */
import type { Exploration, PlannedInstance } from '../../../results/schema.ts'
import type { Outcome } from '../execution.ts'
import { DEPTH } from '../memory-model/store-buffer.ts'
import { ACTOR, type Board, ENDING, HEAD, MOST_STEPS } from '../schedule/board.ts'
import { SPIN_BOUND } from '../schedule/scheduler.ts'
import { PATIENCE } from '../schedule/spin.ts'
import type { Bounded } from '../strategies/bounded.ts'
import type { Dpor } from '../strategies/dpor.ts'
import { PLACE } from '../strategies/index.ts'
import { certificate, excludedByBound, excludedByPct } from './coverage.ts'
import { Novelty } from './novelty.ts'

interface Count {
  executions: number
  failures: number
}

export interface Ending {
  readonly focus: readonly string[]
  /** How often a thread may repeat itself before it makes way for others. */
  readonly patience: number
  readonly dpor: Dpor
  readonly bounded: Bounded
}

const FOREIGN = 'a body awaits something that is neither settled nor Atomics.waitAsync'
const IN_VAIN = ', in vain while the other threads stand still'

export class Tally {
  readonly #board: Board
  readonly #instance: PlannedInstance
  readonly #unprovable: string | undefined
  readonly #byName = new Map<string, Count>()
  readonly #pct = { 2: 0, 3: 0 }
  readonly #novelty = new Novelty()
  readonly #uncontrolled = new Set<string>()
  #longest = 0
  #cutOff = 0
  #whole = 0
  #wholeSteps = 0
  /** Most choices of such an execution. */
  choices = 0

  /** @param unprovable why the reduction proves nothing, if that is known */
  constructor(board: Board, instance: PlannedInstance, unprovable?: string) {
    this.#board = board
    this.#instance = instance
    this.#unprovable = unprovable
  }

  /** Steps of an execution that comes to its end, on average. */
  get typical(): number {
    return this.#whole === 0 ? 0 : Math.round(this.#wholeSteps / this.#whole)
  }

  get failed(): boolean {
    return [...this.#byName.values()].some(({ failures }) => failures > 0)
  }

  get controlled(): boolean {
    return this.#uncontrolled.size === 0
  }

  /** Takes in the execution just done. @param focused whether its choices count: those of the first ones are too many */
  add(name: string, place: number, { ending, fault }: Outcome, focused = true): void {
    const { head } = this.#board
    const count = this.#byName.get(name) ?? { executions: 0, failures: 0 }
    count.executions++
    if (fault !== undefined) count.failures++
    this.#byName.set(name, count)
    // What the paper promises holds for executions that were PCT's from beginning to end, and at every cell.
    const promised =
      head[HEAD.expected] === 0 && (head[HEAD.fairAfter] === 0 || head[HEAD.steps] <= head[HEAD.fairAfter])
    if (promised && place === PLACE.pct2) this.#pct[2]++
    if (promised && place === PLACE.pct3) this.#pct[3]++
    if (ending === ENDING.cutOff && head[HEAD.givenUp] === 0) this.#cutOff++
    this.#longest = Math.max(this.#longest, head[HEAD.steps])
    const whole = ending !== ENDING.cutOff
    if (whole) {
      this.#whole++
      this.#wholeSteps += head[HEAD.steps] - head[HEAD.idle]
    }
    if (focused && whole) this.choices = Math.max(this.choices, head[HEAD.choices])
    this.#novelty.add(this.#board)
  }

  /** Store buffers take their turns as threads do. */
  get #actors(): number {
    return this.#instance.explore!.memoryModel === 'sc' ? this.#board.threads : 2 * this.#board.threads
  }

  /** Something was not under control. */
  uncontrolled(what: string): void {
    this.#uncontrolled.add(what)
  }

  /** Why it proves nothing that the reduction has left nothing to try; undefined: it does prove what is to be proved. */
  doubt({ truncated, unresolved }: Dpor, patience: number): string | undefined {
    const { head } = this.#board
    if (this.failed) return 'something failed'
    if (!this.controlled) return 'something was not under control'
    if (this.#cutOff > 0) return 'executions were given up at the limit of steps'
    if (truncated) return 'an execution was too long to be remembered'
    if (unresolved > 0) return 'threads met at cells at which they were not switched'
    if (head[HEAD.gaveUp] > patience)
      return `a loop gives up after ${head[HEAD.gaveUp]} rounds, and was not let do so at every moment`
    if (this.#unprovable !== undefined) return this.#unprovable
    if (head[HEAD.emptied] === 1)
      return 'a thread had to empty its store buffer itself (a delayed store seen in part, or an awaited Atomics.waitAsync)'
    if (head[HEAD.hidden] === 1) return 'there were operations on memory that setup did not return'
    if (head[HEAD.crowded] === 0) return undefined
    return 'a thread had several Atomics.waitAsync at once, and not every order of their ends was tried'
  }

  conclude({ focus, patience, dpor, bounded }: Ending): Exploration {
    const executions = [...this.#byName.values()].reduce((sum, count) => sum + count.executions, 0)
    const { head } = this.#board
    if (head[HEAD.foreignAwaits] > 0) this.uncontrolled(head[HEAD.givenUp] > 0 ? `${FOREIGN}${IN_VAIN}` : FOREIGN)
    const doubt = this.doubt(dpor, patience)
    return {
      executions,
      strategies: [...this.#byName].map(([name, count]) => ({ name, ...count })),
      threads: this.#board.threads,
      longest: this.#longest,
      choices: this.choices,
      excluded: [
        ...excludedByPct({ threads: this.#actors, choices: this.choices, executions: this.#pct }),
        ...excludedByBound(bounded.completed),
      ],
      newPerThousand: this.#novelty.perThousand,
      focus: focus.length === 0 ? ['all'] : [...focus],
      ...(dpor.over && doubt !== undefined && { unproved: doubt }),
      ...(dpor.over &&
        doubt === undefined && {
          certificate: certificate({ classes: dpor.classes, bounds: this.#bounds(focus, patience) }),
        }),
      uncontrolled: [...this.#uncontrolled],
      cutOff: this.#cutOff,
      asksMore: this.#asksMore,
    }
  }

  /** Whether a body called `more()` in the last execution. */
  get #asksMore(): boolean {
    const granted = this.#instance.explore!.ops
    return Array.from({ length: this.#board.threads }).some((_, thread) => this.#board.of(thread, ACTOR.ops) < granted)
  }

  /** Within which limits all was explored. */
  #bounds(focus: readonly string[], patience: number): string[] {
    const { explore, seed } = this.#instance
    const repeats = patience > PATIENCE ? `repeats itself more than ${patience} times` : 'repeats itself'
    return [
      `more() says yes ${explore!.ops} times a thread`,
      `a thread that ${repeats} is not let run on while others can go, and for ${SPIN_BOUND} steps at most`,
      `executions of up to ${MOST_STEPS} steps`,
      explore!.focus.length > 0
        ? `switched only at ${focus.join(', ')}`
        : 'switched at every cell that two threads touch',
      `the random streams of seed ${seed}`,
      'time-outs happen at any moment',
      'plain accesses take no turns of their own',
      ...memoryBounds(explore!.memoryModel),
    ]
  }
}

const memoryBounds = (model: string): string[] =>
  model === 'sc'
    ? ['sequentially consistent memory']
    : [`total store order, with up to ${DEPTH} stores of a thread delayed, and none of those of open`]
