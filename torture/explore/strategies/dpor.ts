/**
 * Dynamic partial-order reduction: one execution of each class of those that differ only in the order of independent
 * steps. Flanagan and Godefroid (POPL 2005), in the form of source-DPOR with sleep sets (Abdulla, Aronis, Jonsson and
 * Sagonas, POPL 2014, algorithm 1): wherever two steps of an execution race, another one is made to begin with what can
 * go before the first of them, unless something that is tried there anyway, or is asleep there, covers that.
 *
 * Deviations:
 * - Races are looked for after an execution, in all its new steps, instead of before each step. An execution that comes
 *   to where everybody is asleep is run to its end all the same, which is cheaper than stopping real threads and cannot
 *   do harm; only the steps before that place are looked at, and it is counted apart.
 * - Where the scheduler gives no choice (one actor can go; handles are opened; a thread runs through cells that nobody
 *   contends for; a spinning thread goes because nobody else can) there is nothing to try. A step that is run through is
 *   independent of all others, so doing it first loses nothing, as long as the focus has all contended cells: races
 *   with one are counted as `unresolved` and tried at the thread's last choice before it.
 * - A step that fails cuts the others off, so everybody else is tried in its place.
 *
 * Invariants: the actors tried at a choice, those asleep there and those still to be tried together can begin every
 * execution from there that is not yet covered; complete executions that are not redundant are of different classes.
 */
import { type Board, ENDING, HEAD, isSingle, lowest, STEP } from '../schedule/board.ts'
import { DID } from '../schedule/ops.ts'
import { HappensBefore } from './happens-before.ts'
import { Prefix } from './prefix.ts'
import { SLEEP_SET_WORDS, SleepSet, stillAsleep } from './sleep-set.ts'
import type { Step } from './steps.ts'
import type { Strategy } from './strategy.ts'

/**
 * Steps of an execution that are remembered, which takes some 400 bytes each. In a longer one nothing is tried beyond,
 * and the search is not complete. Likewise beyond as many choices as the prefix has room for.
 */
export const MOST_REMEMBERED = 1 << 16
/** Steps that are looked at without a look at the clock. */
const ASK_EVERY = 16

/** A step before which there was a choice. */
interface Choice {
  readonly step: number
  /** Which one of the execution's choices. */
  readonly number: number
  readonly eligible: number
  /** When it was first come to. */
  readonly asleep: readonly Step[]
  /** What was tried: the steps that the actors did. */
  readonly done: Step[]
  /** Actors tried, or asleep. */
  covered: number
  /** Actors to try. */
  wanted: number
}

export class Dpor implements Strategy {
  readonly name = 'dpor'
  /** Complete executions, each of a class of its own. */
  classes = 0
  /** Executions that came to where everybody was asleep: what follows had been seen in another order. */
  redundant = 0
  /** Reversible races at steps that the focus runs through: if there are any, not everything was explored. */
  unresolved = 0
  /** The same choices did not lead to the same steps: something is not under control, and the search was given up. */
  diverged = false
  /** An execution was too long. */
  truncated = false
  /**
   * Whether the time is over. What is to be learnt from an execution may take longer than the execution itself, by the
   * square of its steps at worst, so this is asked on the way.
   */
  expires: () => boolean = () => false
  #expired = false
  readonly #prefix: Prefix
  readonly #sleepSet: SleepSet
  #order: HappensBefore
  /** By step; undefined where there was no choice. */
  #choices: (Choice | undefined)[] = []
  /** Who could go, by step. */
  #eligible: number[] = []
  /** The choice that the next execution takes otherwise; undefined: the first execution. */
  #branch: Choice | undefined
  #over = false

  /**
   * @param scratch at least `SLEEP_SET_WORDS`
   * @param prefix  a word for each choice that an execution may have, and one; left out: the rest of the scratch
   */
  constructor(scratch: Int32Array, prefix: Int32Array = scratch.subarray(SLEEP_SET_WORDS)) {
    this.#sleepSet = new SleepSet(scratch.subarray(0, SLEEP_SET_WORDS))
    this.#prefix = new Prefix(prefix)
    this.#order = new HappensBefore(false)
  }

  /** Nothing is left to try. */
  get over(): boolean {
    return this.#over && !this.#expired
  }

  /** All classes were explored: of those that there are within the bounds of the scheduler, none is missing. */
  get exhausted(): boolean {
    return this.over && !this.diverged && !this.truncated && this.unresolved === 0
  }

  /** Begins again. @param everyState something looks at all cells after every step: the order of any two changes matters */
  reset(everyState = this.#sleepSet.everyState): void {
    this.classes = 0
    this.redundant = 0
    this.unresolved = 0
    this.diverged = false
    this.truncated = false
    this.#expired = false
    this.#choices = []
    this.#branch = undefined
    this.#over = false
    this.#sleepSet.everyState = everyState
    this.#order = new HappensBefore(everyState)
  }

  begin(): boolean {
    if (this.#over) return false
    const branch = this.#branch
    if (branch === undefined) {
      this.#prefix.length = 0
      this.#sleepSet.put(0, [])
    } else {
      this.#prefix.end(branch.number, lowest(branch.wanted & ~branch.covered))
      this.#sleepSet.put(branch.step, [...branch.asleep, ...branch.done])
    }
    return true
  }

  choose(board: Board): number {
    if (this.#prefix.covers(board)) return this.#prefix.wanted(board)
    const asleep = this.#sleepSet.follow(board)
    const awake = board.eligible & ~asleep
    const from = awake !== 0 ? awake : board.eligible
    return board.last >= 0 && (from & (1 << board.last)) !== 0 ? board.last : lowest(from)
  }

  end(board: Board): void {
    if (board.head[HEAD.ending] === ENDING.misfit || !this.#isRepeated(board)) {
      this.diverged = true
      this.#over = true
      return
    }
    if (board.head[HEAD.ending] === ENDING.cutOff) this.truncated = true
    if (this.#follow(board)) {
      this.classes++
      if (board.head[HEAD.ending] === ENDING.failed) this.#postpone(this.#order.steps - 1)
    } else this.redundant++
    this.#backtrack()
  }

  /** Whether the steps up to the branch are those of the execution that branched off there. */
  #isRepeated(board: Board): boolean {
    const steps = this.#branch?.step ?? 0
    if (board.steps < steps) return false
    for (let step = 0; step < steps; step++) {
      const { actor, kind, address } = this.#order.at(step)
      const same = board.actorAt(step) === actor && board.kindAt(step) === kind
      if (!same || board.at(step, STEP.address) !== address) return false
    }
    return this.#branch === undefined || board.at(steps, STEP.enabled) === this.#branch.eligible
  }

  /** Takes in the new steps. False: what followed was known, so it was not looked at. */
  #follow(board: Board): boolean {
    const { everyState } = this.#sleepSet
    const branch = this.#branch
    let asleep: readonly Step[] = branch === undefined ? [] : [...branch.asleep, ...branch.done]
    let choice = branch?.number ?? 0
    for (let step = branch?.step ?? 0; step < board.steps; step++) {
      const actor = board.actorAt(step)
      if (asleep.some(sleeper => sleeper.actor === actor)) return false
      if (step >= MOST_REMEMBERED) {
        this.truncated = true
        return true
      }
      if (step % ASK_EVERY === 0 && this.expires()) {
        this.#expired = true
        return true
      }
      const races = this.#order.extend(board)
      const effect = this.#order.at(step)
      this.#choices[step] = undefined
      this.#eligible[step] = board.at(step, STEP.enabled)
      if (isChosen(board, step)) this.#note(choice++, effect, asleep)
      for (const earlier of races) this.#reverse(earlier, step)
      asleep = stillAsleep(asleep, effect, everyState)
    }
    return true
  }

  /** A choice of the execution: a new one, or the one that it branched off at. */
  #note(number: number, effect: Step, asleep: readonly Step[]): void {
    const step = this.#order.steps - 1
    if (number >= this.#prefix.capacity) {
      this.truncated = true
      return
    }
    const bit = 1 << effect.actor
    const sleepers = asleep.reduce((mask, { actor }) => mask | (1 << actor), 0)
    const known = step === this.#branch?.step ? this.#branch : undefined
    const choice = known ?? {
      step,
      number,
      eligible: this.#eligible[step],
      asleep,
      done: [],
      covered: sleepers,
      wanted: 0,
    }
    choice.done.push(effect)
    choice.covered |= bit
    this.#choices[step] = choice
    this.#prefix.note(number, effect.actor)
  }

  /** Sees to it that there will be an execution in which `later` comes without `earlier`, which it races with. */
  #reverse(earlier: number, later: number): void {
    const choice = this.#choiceFor(earlier)
    if (choice === undefined) return
    if (choice.step !== earlier) this.unresolved++
    const initials = this.#order.initials(choice.step, later)
    if ((initials & (choice.wanted | choice.covered)) !== 0) return
    const able = initials & choice.eligible
    const own = 1 << this.#order.at(later).actor
    // Any one will do. The actor of the later step makes for the fewest redundant executions.
    if (able !== 0) choice.wanted |= (able & own) !== 0 ? own : 1 << lowest(able)
  }

  /** Where something else can be tried in the place of a step; undefined: nobody else could go then. */
  #choiceFor(step: number): Choice | undefined {
    const { actor } = this.#order.at(step)
    const eligible = this.#eligible[step]
    if (isSingle(eligible) || (eligible & (1 << actor)) === 0) return undefined
    for (let at = step; at >= 0 && this.#order.at(at).actor === actor; at--)
      if (this.#choices[at] !== undefined) return this.#choices[at]
    return undefined
  }

  /** The last step failed: whoever could have gone before it is to go. */
  #postpone(step: number): void {
    const choice = step < 0 ? undefined : this.#choiceFor(step)
    if (choice !== undefined) choice.wanted |= choice.eligible
  }

  /** Goes back to the last choice at which there is something left to try. */
  #backtrack(): void {
    let step = this.#choices.length - 1
    for (; step >= 0; step--) {
      const choice = this.#choices[step]
      if (choice !== undefined && (choice.wanted & ~choice.covered) !== 0) break
    }
    this.#branch = step >= 0 ? this.#choices[step] : undefined
    this.#over = step < 0
    this.#choices.length = Math.max(step, 0)
    this.#order.rewind(Math.max(step, 0))
  }
}

const isChosen = (board: Board, step: number): boolean => (board.didAt(step) & DID.chosen) !== 0
