/** What becomes of a failure: it must happen again by its own schedule, is made small, traced, and reported. */
import { WORD } from '../../guest/control.ts'
import { engine } from '../../guest/engine.ts'
import { kindOf } from '../../guest/report/report.ts'
import type { ExploredFault } from '../control/fault-box.ts'
import type { ExecutionOptions, Outcome } from '../execution.ts'
import { buildInterleaving } from '../report/interleaving.ts'
import type { Names } from '../report/names.ts'
import { type Board, ENDING, HEAD, STEP } from '../schedule/board.ts'
import { OP, opName } from '../schedule/ops.ts'
import { printSchedule, type Schedule } from '../schedule/schedule.ts'
import { PLACE } from '../strategies/index.ts'
import type { Tools } from '../tools.ts'
import { minimise } from './minimise.ts'
import { preemptionsAmong } from './preemptions.ts'
import type { Tally } from './tally.ts'

const MINIMISER = { attempts: 20_000, ms: 10_000 } as const
/** Threads that are known to spin for ever need not prove it again: steps of each. */
const IMPATIENT = 64
const STEP_WORDS = 6

export class Findings {
  readonly #tools: Tools
  readonly #tally: Tally
  readonly #known = new Set<string>()

  constructor(tools: Tools, tally: Tally) {
    this.#tools = tools
    this.#tally = tally
  }

  async found(fault: ExploredFault, schedule: Schedule, strategy: string, executions: number): Promise<void> {
    const { reporter } = this.#tools
    const kind = kindOf(fault.oracle, fault.message)
    if (this.#known.has(kind)) {
      reporter.fail({ ...fault, round: executions })
      return
    }
    this.#known.add(kind)
    const isSame = ({ fault: seen }: Outcome) => seen !== undefined && kindOf(seen.oracle, seen.message) === kind
    const trimmed = this.#trimmed(schedule)
    const first = this.#words()
    if (!isSame(await this.replay(trimmed))) {
      this.#tally.uncontrolled(
        `a failure did not happen again by its own schedule: ${this.#firstDifference(first) ?? 'what the bodies compute differs'}`,
      )
      reporter.fail({ ...fault, round: executions })
      return
    }
    let bound: Partial<ExecutionOptions> =
      this.#tools.execution.board.head[HEAD.ending] === ENDING.livelock ? { spinBound: IMPATIENT } : {}
    // Whether it depends on what the bodies draw as well: without that, one thing less to be told.
    const found = isSame(await this.replay({ ...trimmed, round: 0 })) ? { ...trimmed, round: 0 } : trimmed
    let small = await this.#minimised(found, isSame, bound)
    // In a simpler schedule the loops may be others, which end when they have gone round more often than that.
    if (!isSame(await this.replay(small.schedule))) {
      bound = {}
      small = await this.#minimised(found, isSame, bound)
    }
    const last = await this.replay(small.schedule, { traced: true, ...bound })
    const { execution, names } = this.#tools
    const interleaving = buildInterleaving({
      board: execution.board,
      names,
      traced: execution.traced,
      calls: execution.calls,
      schedule: printSchedule(small.schedule, names.threads.length),
      fault: last.fault ?? fault,
      minimised: {
        foundSteps: found.actors.length,
        foundSwitches: switches(found.actors),
        steps: small.schedule.actors.length,
        switches: switches(small.schedule.actors),
        tried: small.tried,
        minimal: small.minimal,
        strategy,
        executions,
      },
    })
    reporter.fail({ ...(last.fault ?? fault), round: executions, schedule: interleaving.schedule, interleaving })
  }

  #minimised(found: Schedule, isSame: (outcome: Outcome) => boolean, bound: Partial<ExecutionOptions>) {
    const { execution, stay } = this.#tools
    const { words } = stay.control
    return minimise(
      found,
      async candidate => {
        const failed = isSame(await this.replay(candidate, bound))
        const actual = this.#trimmed(execution.schedule(this.#replayOptions(candidate)))
        return { failed, actual, preemptions: this.#preemptions(), able: ableIn(execution.board) }
      },
      { ...MINIMISER, enough: () => engine.load(words, WORD.hurry) === 1 },
    )
  }

  /** Carries a schedule out, as far as it fits, and goes on without further switches. */
  async replay(
    schedule: Schedule,
    { strict = false, ...options }: Partial<ExecutionOptions> & { readonly strict?: boolean } = {},
  ): Promise<Outcome> {
    const { execution, strategies } = this.#tools
    strategies.replay.set(schedule.actors, { strict })
    return (await execution.run({ ...this.#replayOptions(schedule), ...options }))!
  }

  #replayOptions(schedule: Schedule): ExecutionOptions {
    const { stay, execution } = this.#tools
    const ops = schedule.ops ?? Array.from({ length: execution.board.threads }, () => stay.instance.explore!.ops)
    return { strategy: PLACE.replay, execution: 0, round: schedule.round, ops, burstOneIn: 0, focused: false }
  }

  /** Does the execution just done once more, and notes the first step that differs. */
  async recheck(ops: readonly number[]): Promise<void> {
    const { execution } = this.#tools
    const { board } = execution
    const before = this.#words()
    const schedule = { round: board.head[HEAD.round], ops: [...ops], actors: Array.from(before.actors) }
    await this.replay(schedule, { strict: true })
    const difference = this.#firstDifference(before)
    if (difference !== undefined)
      this.#tally.uncontrolled(`uncontrolled nondeterminism: the same schedule did something else: ${difference}`)
  }

  #preemptions(): number {
    const { stay, execution } = this.#tools
    const { board } = execution
    return stay.instance.explore!.memoryModel === 'sc' ? board.head[HEAD.preemptions] : preemptionsAmong(board)
  }

  /** Without the steps that only waited to be called a livelock. */
  #trimmed(schedule: Schedule): Schedule {
    const { board } = this.#tools.execution
    const idle = board.head[HEAD.idle]
    return idle === 0 ? schedule : { ...schedule, actors: schedule.actors.slice(0, board.steps - idle + 8) }
  }

  #words(): { readonly words: Int32Array; readonly actors: Uint8Array } {
    const { board } = this.#tools.execution
    const actors = Uint8Array.from({ length: board.steps }, (_, step) => board.actorAt(step))
    return { words: board.trace.slice(0, STEP_WORDS * board.steps), actors }
  }

  #firstDifference({ words }: { readonly words: Int32Array }): string | undefined {
    const { execution, names } = this.#tools
    const { board } = execution
    const steps = Math.max(words.length / STEP_WORDS, board.steps)
    for (let step = 0; step < steps; step++) {
      const was = describe(words, step, names)
      const is = step < board.steps ? describe(board.trace, step, names) : 'the execution was over'
      if (was !== is) return `step ${step} was ${was}, and then ${is}`
    }
    return undefined
  }
}

/** Who could have gone at each step; nobody where the thread only begins, which nobody else notices. */
const ableIn = (board: Board): number[] =>
  Array.from({ length: board.steps }, (_, step) => (board.kindAt(step) <= OP.gate ? 0 : board.at(step, STEP.enabled)))

/** `adder[1] load cells[0] → 3` */
function describe(words: Int32Array, step: number, names: Names): string {
  const at = STEP_WORDS * step
  if (at >= words.length) return 'beyond the end'
  const what = words[at]
  const values = `${words[at + STEP.read]}, ${words[at + STEP.wrote]}`
  return `${names.threads[what & 31]} ${opName((what >> 5) & 31)} ${names.cell(words[at + STEP.address])} (${values})`
}

export function switches(actors: ArrayLike<number>): number {
  let n = 0
  for (let i = 1; i < actors.length; i++) if (actors[i] !== actors[i - 1]) n++
  return n
}
