/**
 * One thread's part under the deterministic scheduler: puts everything in place before any code of the scenario is
 * loaded, and then leads or follows. What is led, a search or one replay, is a matter of whoever calls.
 */
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { threadId } from 'node:worker_threads'
import { configureSites, site } from '../../lib/shm/sites.ts'
import { type Control, cursorOf, hitsOf, MINE, ringOf, STATE, threadBase } from '../guest/control.ts'
import { engine, realMs } from '../guest/engine.ts'
import { type Histories, makeHistories } from '../guest/history/history.ts'
import { seatsOf } from '../guest/load.ts'
import { Mail } from '../guest/mail.ts'
import type { SharedMessage, Stay, ToThread } from '../guest/messages.ts'
import { faultOf, NEAR_SITE, Reporter } from '../guest/report/report.ts'
import { Image } from '../guest/rounds/image.ts'
import { Meeting } from '../guest/rounds/meeting.ts'
import { setUp } from '../guest/rounds/setup.ts'
import { Values } from '../guest/rounds/values.ts'
import { buffersOf } from '../guest/shared.ts'
import { kernelThreadId } from '../guest/watch/proc.ts'
import type { Scenario } from '../scenario.ts'
import { controlAtomics } from './control/atomics.ts'
import { Baton } from './control/baton.ts'
import { ControlledWaits } from './control/controlled-waits.ts'
import { FaultBox } from './control/fault-box.ts'
import { noticeWorkers } from './control/own-workers.ts'
import { Player } from './control/player.ts'
import { Abandoned, Stage } from './control/stage.ts'
import { controlTime } from './control/virtual.ts'
import { Execution } from './execution.ts'
import type { ExplorerMemory } from './memory.ts'
import { StoreBuffers } from './memory-model/store-buffer.ts'
import { Addresses } from './report/addresses.ts'
import { Names } from './report/names.ts'
import { steppedBy } from './report/step-order.ts'
import { Board, HEAD } from './schedule/board.ts'
import { Scheduler } from './schedule/scheduler.ts'
import { markNear } from './search/direction.ts'
import { Explored } from './search/explored.ts'
import { Focus } from './search/focus.ts'
import type { Strategy } from './strategies/strategy.ts'

/**
 * A step goes through a dozen small functions, of files of their own; V8's budget for inlining is for less, and a step
 * then takes a third more instructions. Thread 0 sets it, before anything is hot; it holds for the process.
 */
const INLINING = ['--max-inlined-bytecode-size-cumulative=4000', '--max-inlined-bytecode-size=1200']

/** How often a thread's event loop gets a turn: errors that bodies left there come to light. */
const TURN_MS = 200

/** What thread 0 leads with. `S`: the strategies, in places that are the same in all threads. */
export interface Lead<S extends StrategySet> {
  readonly execution: Execution
  readonly strategies: S
  readonly focus: Focus
  /** Cells near the sites of the hint, if there is one. */
  readonly hinted: Focus
  readonly names: Names
  readonly stay: Stay
  readonly stage: Stage
  readonly reporter: Reporter
}

interface StrategySet {
  readonly all: readonly Strategy[]
}

export async function takePart<S extends StrategySet>(
  stay: Stay,
  how: {
    /** Imports the scenario; called when everything is in place. */
    readonly load: () => Promise<Scenario>
    readonly strategies: (board: Board, memory: ExplorerMemory, focus: Focus) => S
    /** Thread 0: returns what is told to the main thread in the end. */
    readonly lead: (tools: Lead<S>) => Promise<object>
  },
): Promise<void> {
  const { thread, instance, control, port } = stay
  const { words } = control
  const mine = threadBase(thread)
  engine.store(words, mine + MINE.state, STATE.importing)
  engine.store(words, mine + MINE.workerId, threadId)
  engine.store(words, mine + MINE.tid, kernelThreadId())
  const reporter = new Reporter(port, control, thread)
  const mail = new Mail<ToThread>(port, control, thread)

  if (thread === 0) for (const flag of INLINING) setFlagsFromString(flag)
  // All of it is in place before any code of the scenario or of a package runs.
  const memory = stay.explorer!
  const board = new Board(control.threads, memory.board)
  const focus = new Focus()
  const strategies = how.strategies(board, memory, focus)
  const stage = new Stage(thread, new Scheduler(board, strategies.all, focus), new Baton(memory.baton, thread))
  const addresses = new Addresses(thread)
  const waits = new ControlledWaits(stage, addresses)
  controlAtomics(stage, addresses, waits)
  const startTime = controlTime(stage)
  noticeWorkers(() => stage.startsWorkers())
  process.on('uncaughtException', dropAbandoned)
  let scenario: Scenario
  try {
    scenario = await how.load()
  } catch (error) {
    reporter.fail({ ...faultOf(error, 'import'), thread: 'import', round: 0, fatal: true })
    return
  }
  const nearSite = site(NEAR_SITE)
  const original = thread === 0 ? setUp(stay, scenario, reporter, port) : undefined
  if (thread === 0 && original === undefined) return
  engine.store(words, mine + MINE.state, STATE.idle)
  const { shared, values, focus: marks, history } = (await mail.next()) as SharedMessage

  const buffers = buffersOf(shared)
  addresses.place(buffers)
  if (original !== undefined) addresses.alias(buffersOf(original.shared))
  focus.cover(marks!.focus)
  watch(stage, control, thread)
  const model = instance.explore?.memoryModel ?? 'sc'
  if (model !== 'sc') {
    const { scheduler } = stage
    stage.weak = new StoreBuffers({ board, scheduler, addresses, thread, model, scratch: board.scratch(14) })
  }
  configureSites({
    hits: hitsOf(control, thread),
    ring: ringOf(control, thread),
    cursor: cursorOf(control, thread),
    delayEvery: 0,
    delay: () => {},
    below: () => 0,
    brief: true,
    // Threads take turns, and looking at the clock is a step of its own.
    micros: () => 0,
  })
  const hint = instance.explore?.hint
  const hinted = new Focus(marks!.hinted)
  if (hint !== undefined) markNear(stage, hitsOf(control, thread), hint.sites, hinted)
  const box = new FaultBox(memory.fault)
  let histories: Histories | undefined
  try {
    const stepped = steppedBy(stage, model)
    histories = history && makeHistories({ scenario, instance, thread, ...history, count: reporter.count, stepped })
  } catch (error) {
    reporter.fail({ ...faultOf(error, 'history'), thread: 'history', round: 0, fatal: true })
    return
  }
  const participant = new Explored(
    {
      scenario,
      instance,
      control,
      reporter,
      meeting: new Meeting(words, control.threads, thread, true),
      values: new Values(values, control.threads, thread, stay.toFirst, stay.fromOthers),
      histories,
      thread,
      nearSite,
    },
    stage,
    box,
  )
  if (scenario.always) stage.afterStep = invariant(participant, shared)
  const player = new Player({ participant, stage, waits, shared, startTime, toFirst: stay.toFirst })
  // Nobody touches the buffers before thread 0 has taken their image.
  const image = new Image(thread === 0 ? buffers : [])
  participant.meeting.meet()

  if (thread !== 0) await serve(stage, player)
  else {
    const names = new Names(
      seatsOf(instance.threads).map(({ label }) => label),
      shared,
      addresses,
    )
    const restore = image.restorer(buffers)
    const execution = new Execution({
      stage,
      participant,
      player,
      strategies: strategies.all,
      box,
      restore,
      names,
      shared,
    })
    const told = await how.lead({ execution, strategies, focus, hinted, names, stay, stage, reporter })
    board.head[HEAD.leave] = 1
    for (let t = 1; t < control.threads; t++) stage.baton.pass(t)
    port.postMessage(told)
  }
  engine.store(words, mine + MINE.state, STATE.done)
}

/** All threads but the first: one execution after the other, until thread 0 says that it was the last. */
async function serve(stage: Stage, player: Player): Promise<void> {
  let turned = realMs()
  for (;;) {
    stage.baton.wait()
    if (stage.board.head[HEAD.leave] === 1) break
    if (realMs() - turned > TURN_MS) {
      await setImmediate()
      turned = realMs()
    }
    const playing = player.play()
    if (playing !== undefined) await playing
  }
  await setImmediate()
}

/** What makes a body leave may reach it in a callback of the event loop, and is no failure there either. */
function dropAbandoned(error: unknown): void {
  if (!(error instanceof Abandoned)) throw error
}

/** Who waits for the baton need not make progress; whoever has it must. */
function watch(stage: Stage, { words }: Control, thread: number): void {
  const state = threadBase(thread) + MINE.state
  const beat = threadBase(thread) + MINE.beat
  stage.beat = () => {
    words[beat]++
  }
  stage.baton.onWait = waiting => {
    words[state] = waiting ? STATE.waiting : STATE.running
  }
}

/** The scenario's `always`, as what the explorer calls between two steps. */
function invariant(participant: Explored, shared: unknown): () => void {
  const { scenario, instance } = participant
  const context = { shared, params: instance.params }
  return () => {
    try {
      scenario.always!(context)
    } catch (error) {
      participant.failed(faultOf(error, 'always'), shared, 'always')
    }
  }
}
