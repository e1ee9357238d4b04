/**
 * The search, in thread 0: probes the scenario, learns where threads meet, and then tries schedules by one strategy
 * after the other until something fails, nothing is left, or the time is over.
 */
import { setImmediate } from 'node:timers/promises'
import { CLOCK, now, WORD } from '../../guest/control.ts'
import { engine, realMs } from '../../guest/engine.ts'
import type { FinishedMessage, Stay } from '../../guest/messages.ts'
import type { ExploredFault } from '../control/fault-box.ts'
import type { ExecutionOptions, Outcome } from '../execution.ts'
import { replayOnce } from '../replaying.ts'
import { ENDING, HEAD, MOST_STEPS } from '../schedule/board.ts'
import type { Schedule } from '../schedule/schedule.ts'
import { PATIENCE } from '../schedule/spin.ts'
import { PLACE, type Strategies } from '../strategies/index.ts'
import type { Tools } from '../tools.ts'
import { Contention, type Kind } from './contention.ts'
import { Findings } from './findings.ts'
import { matcher, summary } from './focus-names.ts'
import { Tally } from './tally.ts'

/** First executions, to learn from; from the third one on, what was learnt is made use of. */
const PROBES = 12
const UNFOCUSED = 2
/** As many more before it is said that nothing is contended. */
const FURTHER_PROBES = 200
/** With at most so many choices in a probe, all classes of interleavings may well be within reach. */
const SMALL = 60
/** Share of the time that the reduction has for itself before the others get their turn. */
const REDUCTION_SHARE = 0.4
/** Choices beyond which an execution is long: now and then it is switched at few cells only. */
const LONG = 150
/**
 * An execution that takes so many times as long as those before on average, and some steps more, is one in which a thread is starved:
 * where chance rules it is brought to its end by lot, where every schedule is tried it is cut off.
 */
const LONGER = 5
const MUCH_LONGER = 40
const SPARE_STEPS = 1000
/** Executions that are all learnt from, and of those after them, one in so many. */
const CURIOUS = 200
const LOOK = 8
/** Executions by chance after a proof, where loops were seen. */
const AFTER_PROOF = 200
/** Executions between two that are done twice, except for the first ones, which may be all that there are. */
const RECHECK = 1000
const isRechecked = (n: number): boolean => (n < RECHECK ? (n & (n - 1)) === 0 : n % RECHECK === 1)
/** How often the event loop gets a turn, ms. */
const TURN_MS = 200
/** Rounds of a loop that gives up, beyond which it is not tried to let it give up at every moment. */
const MOST_PATIENCE = 1000
/** One in so many repetitions of a loop is let run on, where strategies draw lots. */
const BURST_ONE_IN = 4

const NAMES = ['sequential', 'random', 'pct', 'pct', 'pos', 'urw', 'bounded', 'dpor'] as const
const RANDOM = [PLACE.random, PLACE.pct2, PLACE.pct3, PLACE.pos, PLACE.urw] as const
const ALONE = {
  random: [PLACE.random],
  pct: [PLACE.pct2, PLACE.pct3],
  pos: [PLACE.pos],
  urw: [PLACE.urw],
  bounded: [PLACE.bounded],
  dpor: [PLACE.dpor],
} as const

const PRIVATE_MEMORY =
  "memory that setup did not return: operations on it were taken for a thread's own affair, and no thread is switched there"

const OWN_WORKERS =
  'a thread starts workers of its own (new Worker), and they take no turns: only torture run can have them'

/** Why executions that were given up prove nothing. */
function tooLong({ cutOff, executions }: { readonly cutOff: number; readonly executions: number }): string | undefined {
  if (2 * cutOff <= executions) return undefined
  const smaller = 'give it less to do (--ops, --param, --threads)'
  return `${cutOff} of ${executions} executions did not end within ${MOST_STEPS} steps: ${smaller}`
}

export const isSystematic = (place: number): boolean => place === PLACE.bounded || place === PLACE.dpor

export async function search(tools: Tools): Promise<FinishedMessage> {
  const one = tools.stay.instance.explore?.schedule
  return one === undefined ? new Search(tools).run() : replayOnce(tools, one)
}

class Search {
  readonly #tools: Tools
  readonly #options: NonNullable<Stay['instance']['explore']>
  readonly #ops: readonly number[]
  readonly #contention: Contention
  readonly #tally: Tally
  readonly #findings: Findings
  readonly #startedMs = realMs()
  #executions = 0
  #turned = realMs()
  #over = false
  /** Of executions of the systematic searches: the same for all, or a beginning that is known would end elsewhere. */
  #stepLimit: number | undefined
  /** How often loops are known to go round that give up: so often, systematic searches must let them. */
  #patience = PATIENCE

  constructor(tools: Tools) {
    const { stay, names, focus, execution } = tools
    this.#tools = tools
    this.#options = stay.instance.explore!
    this.#ops = Array.from({ length: execution.board.threads }, () => this.#options.ops)
    this.#contention = new Contention(focus, matcher(this.#options.focus, names), names)
    this.#tally = new Tally(execution.board, stay.instance, this.#unprovable())
    this.#findings = new Findings(tools, this.#tally)
    // An invariant sees the cells between any two steps.
    tools.strategies.dpor.reset(tools.stage.afterStep !== undefined)
  }

  async run(): Promise<FinishedMessage> {
    await this.#probe()
    if (!this.#over && !this.#contention.any && !this.#tally.failed) return this.#finish(this.#uncontended())
    await this.#explore()
    return this.#finish(undefined)
  }

  #uncontended(): string {
    const { unwanted } = this.#contention
    if (unwanted.length === 0) return 'nothing was contended: no two threads met at a cell that one of them writes'
    const met = summary(unwanted, this.#tools.names).join(', ')
    return `--focus ${this.#options.focus.join(', ')} names no cell that threads met at: those are ${met}`
  }

  /** Without switches first, then at random: what do the threads touch, and how long does it take them? */
  async #probe(): Promise<void> {
    this.#tools.strategies.replay.set([], { strict: false })
    await this.#once(PLACE.replay)
    for (let n = 1; n < PROBES && !this.#over; n++) await this.#once(PLACE.random)
    for (let n = 0; n < FURTHER_PROBES && !this.#over && !this.#contention.any; n++) await this.#once(PLACE.random)
  }

  async #explore(): Promise<void> {
    const { strategy } = this.#options
    if (strategy === 'dpor') {
      await this.#prove(1)
      return
    }
    if (strategy !== 'portfolio') {
      await this.#rotate(ALONE[strategy], () => false)
      return
    }
    const { memoryModel } = this.#options
    const leads = (this.#options.sibling ?? 0) === 0 && memoryModel !== 'pso' && this.#unprovable() === undefined
    if (leads && this.#tally.choices <= SMALL && (await this.#prove(REDUCTION_SHARE))) return
    await this.#rotate(memoryModel === 'sc' ? [...RANDOM, PLACE.bounded] : RANDOM, () => false)
  }

  /** Why the reduction proves nothing here, whatever it sees. */
  #unprovable(): string | undefined {
    const { stage, execution } = this.#tools
    if (this.#options.memoryModel === 'sc') return undefined
    if (stage.afterStep !== undefined) return 'always is not evaluated when a delayed store reaches memory'
    return execution.hasHistory ? 'when recorded calls end is up to store buffers' : undefined
  }

  /**
   * The reduction by itself. False: it did not get to its end in time, or that proves nothing.
   * @param share of the time that it has
   */
  async #prove(share: number): Promise<boolean> {
    const { dpor } = this.#tools.strategies
    const until = this.#startedMs + share * this.#tools.stay.instance.durationMs
    dpor.expires = () => realMs() > until || this.#isStopped()
    for (;;) {
      await this.#rotate([PLACE.dpor], () => realMs() > until)
      if (!dpor.over || this.#tally.doubt(dpor, this.#patience) !== undefined) return false
      await this.#runOn()
      // Unless a cell turned out contended that was not known to be, or a loop gave up that was not known to.
      if (dpor.over) return this.#tally.doubt(dpor, this.#patience) === undefined
    }
  }

  /**
   * What was proved leaves out what threads do that repeat themselves often enough while others could go, such as to
   * give up: where a loop was seen, chance looks for that. If it is found, all begins again with more patience.
   */
  async #runOn(): Promise<void> {
    if (this.#tools.execution.board.head[HEAD.spun] === 0) return
    const until = this.#executions + AFTER_PROOF
    await this.#rotate(RANDOM, () => this.#executions >= until)
  }

  /** One execution of each in turn, until none has anything left to try. */
  async #rotate(places: readonly number[], enough: () => boolean): Promise<void> {
    let left = [...places]
    while (left.length > 0 && !this.#over && !enough()) {
      for (const place of left) {
        if (this.#over) return
        const running = this.#once(place)
        // Most executions await nothing, and are so many that it would cost something.
        if (!(typeof running === 'boolean' ? running : await running)) left = left.filter(other => other !== place)
      }
    }
  }

  /** False if the strategy has nothing left to try. */
  #once(place: number): boolean | Promise<boolean> {
    const options = this.#optionsFor(place)
    const running = this.#tools.execution.run(options)
    if (running === undefined) return false
    const over =
      running instanceof Promise ? this.#onceOver(running, place, options) : this.#after(place, options, running)
    return over === undefined ? true : over.then(() => true)
  }

  async #onceOver(running: Promise<Outcome>, place: number, options: ExecutionOptions): Promise<void> {
    await this.#after(place, options, await running)
  }

  #optionsFor(place: number): ExecutionOptions {
    const systematic = isSystematic(place) || place === PLACE.replay
    const execution = this.#executions
    return {
      strategy: place,
      execution,
      // Systematic searches count on bodies that do the same every time; the others see more if they do not.
      round: systematic ? (this.#options.hint?.round ?? 0) : this.#round(execution),
      ops: this.#ops,
      burstOneIn: systematic ? 0 : BURST_ONE_IN,
      patience: isSystematic(place) ? this.#patience : PATIENCE,
      ...(isSystematic(place)
        ? { stepLimit: this.#limit() }
        : { fairAfter: LONGER * this.#tally.typical + SPARE_STEPS }),
      ...this.#buffering(place),
      focused: this.#isFocused(place),
    }
  }

  /** To the reduction nothing is left to chance; the others see most if it is by turns, but not by their own. */
  #buffering(place: number): Pick<ExecutionOptions, 'holdsBack' | 'fullWaits'> {
    if (this.#options.memoryModel === 'sc') return {}
    if (place === PLACE.dpor) return { fullWaits: true }
    return { holdsBack: (this.#executions ^ (this.#executions >> 3)) % 2 === 0 }
  }

  #limit(): number {
    this.#stepLimit ??= MUCH_LONGER * this.#tally.typical + SPARE_STEPS
    return this.#stepLimit
  }

  /** What the user wants to be switched at holds from the beginning; what is learnt, once it is. */
  #isFocused(place: number): boolean {
    // To the reduction the end of a call is a choice, too, wherever it is.
    if (place === PLACE.dpor && this.#tools.execution.hasHistory) return false
    if (this.#contention.size > 0 && this.#executions >= UNFOCUSED) return this.#narrow(place)
    return this.#options.focus.length > 0
  }

  /** Long executions are mostly switched at cells of one to three kinds only: of many moments, few that matter. */
  #narrow(place: number): boolean {
    const { focus, execution } = this.#tools
    const { head, random } = execution.board
    head[HEAD.expected] = 0
    if (this.#tally.choices < LONG) return true
    const all = this.#contention.kinds
    const whole = isSystematic(place) || this.#executions % 4 === 0
    focus.clear()
    for (const { cells, touches } of whole ? all : pick(this.#preferred(all), 3, random)) {
      if (!whole) head[HEAD.expected] += touches
      for (const { address, bytes } of cells) focus.add(address, bytes)
    }
    return true
  }

  /** With a hint every other time only what the threads touched near its sites. */
  #preferred(kinds: readonly Kind[]): readonly Kind[] {
    if (this.#options.hint === undefined || this.#executions % 2 === 0) return kinds
    const near = kinds.filter(({ cells }) => cells.some(({ address }) => this.#tools.hinted.has(address)))
    return near.length === 0 ? kinds : near
  }

  /** Of a hint, every other time that of the failure: the bodies then draw what they drew in it. */
  #round(execution: number): number {
    const hinted = this.#options.hint?.round
    return hinted !== undefined && execution % 2 === 0 ? hinted : execution
  }

  #after(place: number, options: ExecutionOptions, seen: Outcome): undefined | Promise<void> {
    const { execution, strategies, stay } = this.#tools
    const outcome = this.#isControlled() ? seen : { ending: seen.ending }
    this.#executions++
    this.#tally.add(NAMES[place], place, outcome, options.focused || this.#executions > PROBES)
    this.#noteDivergence(strategies)
    const { clock } = stay.control
    if (clock[CLOCK.gateOpened] === 0) clock[CLOCK.gateOpened] = now()
    clock[CLOCK.rounds] = this.#executions
    clock[CLOCK.worked] = now()
    if (outcome.fault !== undefined) return this.#found(outcome.fault, execution.schedule(options), place)
    const gaveUp = this.#gaveUp()
    const learnt = this.#learns(place) && this.#contention.learn(execution.board)
    if (gaveUp || learnt) this.#startOver(strategies)
    if (isRechecked(this.#executions) && !this.#over) return this.#recheck()
    return this.#turn()
  }

  async #found(fault: ExploredFault, schedule: Schedule, place: number): Promise<void> {
    await this.#findings.found(fault, schedule, NAMES[place], this.#executions)
    if (!this.#tools.stay.instance.keepGoing) this.#over = true
    await this.#turn()
  }

  /** Between two executions: whether there is to be another one, and what the event loop has to do. */
  #turn(): undefined | Promise<void> {
    const { executions } = this.#options
    if (executions > 0 && this.#executions >= executions) this.#over = true
    if (this.#isStopped()) this.#over = true
    return realMs() - this.#turned > TURN_MS ? this.#turnLoop() : undefined
  }

  #isStopped(): boolean {
    return engine.load(this.#tools.stay.control.words, WORD.stop) === 1
  }

  async #turnLoop(): Promise<void> {
    await setImmediate()
    this.#turned = realMs()
  }

  /**
   * Whether what was seen says something of the program, and not only of what takes no turns. If not, the search is over:
   * every execution would be the same, and may take seconds.
   */
  #isControlled(): boolean {
    const { head } = this.#tools.execution.board
    if (head[HEAD.workers] === 1) this.#tally.uncontrolled(OWN_WORKERS)
    if (head[HEAD.workers] === 0 && head[HEAD.givenUp] === 0) return true
    this.#over = true
    return false
  }

  /** What counts on the focus being complete looks at every execution, the others now and then. */
  #learns(place: number): boolean {
    return isSystematic(place) || this.#executions < CURIOUS || this.#executions % LOOK === 0
  }

  /** Whether a loop ended by itself later than any before, so that what was explored with less patience was not all. */
  #gaveUp(): boolean {
    const rounds = Math.min(this.#tools.execution.board.head[HEAD.gaveUp], MOST_PATIENCE)
    if (rounds <= this.#patience) return false
    this.#patience = rounds
    return true
  }

  /** A cell that was not known to be contended: what was explored without switching there was not all. */
  #startOver({ dpor, bounded }: Strategies): void {
    dpor.reset()
    bounded.reset()
    this.#stepLimit = undefined
  }

  /** A systematic search begins as it did before; if the threads do not, it is over, and has shown nothing. */
  #noteDivergence({ dpor, bounded }: Strategies): void {
    for (const { name, diverged } of [dpor, bounded]) {
      if (!diverged) continue
      this.#tally.uncontrolled(
        `uncontrolled nondeterminism: ${name} made the same choices again, and the threads did something else`,
      )
    }
  }

  /** The last schedule once more: it must do the same, or something is not under control. */
  async #recheck(): Promise<void> {
    const { execution } = this.#tools
    if (execution.board.head[HEAD.ending] !== ENDING.cutOff) await this.#findings.recheck(this.#ops)
    await this.#turn()
  }

  #finish(inconclusive: string | undefined): FinishedMessage {
    const { strategies, execution, names } = this.#tools
    const focus = summary(this.#contention.wanted(), names)
    const exploration = this.#tally.conclude({ focus, patience: this.#patience, ...strategies })
    const why = inconclusive ?? exploration.uncontrolled[0] ?? tooLong(exploration)
    return {
      type: 'finished',
      exploration,
      ...(why === undefined ? {} : { inconclusive: why }),
      ...(execution.board.head[HEAD.hidden] === 1 && { unseen: [PRIVATE_MEMORY] }),
    }
  }
}

/** One to `most` of them. */
function pick<T>(from: readonly T[], most: number, random: { below(bound: number): number }): T[] {
  const picked = new Set<T>()
  for (let n = random.below(most); n >= 0 && from.length > 0; n--) picked.add(from[random.below(from.length)])
  return [...picked]
}
