/**
 * One thread's part under the deterministic scheduler, from the import of the scenario to the last execution: it leads
 * or follows. What is led, a search or one replay, is a matter of whoever calls.
 */
import { setImmediate } from 'node:timers/promises'
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
import { kernelThreadId } from '../guest/watch/proc.ts'
import type { Scenario } from '../scenario.ts'
import { FaultBox } from './control/fault-box.ts'
import { Player } from './control/player.ts'
import type { Stage } from './control/stage.ts'
import { Execution } from './execution.ts'
import { Names } from './report/names.ts'
import { steppedBy } from './report/step-order.ts'
import { type MakeStrategies, Rig, type StrategySet } from './rig.ts'
import { HEAD } from './schedule/board.ts'
import { markNear } from './search/direction.ts'
import { Explored } from './search/explored.ts'
import { Focus } from './search/focus.ts'

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

export async function takePart<S extends StrategySet>(
  stay: Stay,
  how: {
    /** Imports the scenario; called when everything is in place. */
    readonly load: () => Promise<Scenario>
    readonly strategies: MakeStrategies<S>
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

  const rig = new Rig(stay, how.strategies)
  const { stage } = rig
  const scenario = await imported(how.load, reporter)
  if (scenario === undefined) return
  const nearSite = site(NEAR_SITE)
  const original = thread === 0 ? setUp(stay, scenario, reporter, port) : undefined
  if (thread === 0 && original === undefined) return
  engine.store(words, mine + MINE.state, STATE.idle)
  const message = (await mail.next()) as SharedMessage
  const { shared, values } = message
  rig.cover(message, original?.shared)
  watch(stage, control, thread)
  countSites(control, thread)
  const hinted = new Focus(message.focus!.hinted)
  const hint = instance.explore?.hint
  if (hint !== undefined) markNear(stage, hitsOf(control, thread), hint.sites, hinted)

  const histories = historiesOf(scenario, message, stay, stage, reporter)
  if (histories === null) return
  const box = new FaultBox(stay.explorer!.fault)
  const meeting = new Meeting(words, control.threads, thread, true)
  const participant = new Explored(
    {
      ...{ scenario, instance, control, reporter, meeting, histories, thread, nearSite },
      values: new Values(values, control.threads, thread, stay.toFirst, stay.fromOthers),
    },
    stage,
    box,
  )
  if (scenario.always) stage.afterStep = invariant(participant, shared)
  const { waits, startTime } = rig
  const player = new Player({ participant, stage, waits, shared, startTime, toFirst: stay.toFirst })
  // Nobody touches the buffers before thread 0 has taken their image.
  const image = new Image(thread === 0 ? rig.buffers : [])
  meeting.meet()

  if (thread !== 0) await serve(stage, player)
  else {
    const { strategies, focus } = rig
    const labels = seatsOf(instance.threads).map(({ label }) => label)
    const names = new Names(labels, shared, rig.addresses)
    const restore = image.restorer(rig.buffers)
    const parts = { stage, participant, player, box, restore, names, shared, strategies: strategies.all }
    const execution = new Execution(parts)
    const told = await how.lead({ execution, strategies, focus, hinted, names, stay, stage, reporter })
    stage.board.head[HEAD.leave] = 1
    for (let t = 1; t < control.threads; t++) stage.baton.pass(t)
    port.postMessage(told)
  }
  engine.store(words, mine + MINE.state, STATE.done)
}

/** Undefined: it could not be imported, and that has been said. */
async function imported(load: () => Promise<Scenario>, reporter: Reporter): Promise<Scenario | undefined> {
  try {
    return await load()
  } catch (error) {
    reporter.fail({ ...faultOf(error, 'import'), thread: 'import', round: 0, fatal: true })
    return undefined
  }
}

/** Null: the model of the history cannot be used, and that has been said. */
function historiesOf(
  scenario: Scenario,
  { history }: SharedMessage,
  { instance, thread }: Stay,
  stage: Stage,
  reporter: Reporter,
): Histories | undefined | null {
  if (history === undefined) return undefined
  try {
    const stepped = steppedBy(stage, instance.explore?.memoryModel ?? 'sc')
    return makeHistories({ scenario, instance, thread, ...history, count: reporter.count, stepped })
  } catch (error) {
    reporter.fail({ ...faultOf(error, 'history'), thread: 'history', round: 0, fatal: true })
    return null
  }
}

/** Sites are passed without delays: threads take turns, and looking at the clock is a step of its own. */
function countSites(control: Control, thread: number): void {
  configureSites({
    hits: hitsOf(control, thread),
    ring: ringOf(control, thread),
    cursor: cursorOf(control, thread),
    delayEvery: 0,
    delay: () => {},
    below: () => 0,
    brief: true,
    micros: () => 0,
  })
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

/** Who waits for the baton need not make progress; whoever has it must. */
function watch(stage: Stage, { words }: Control, thread: number): void {
  const state = threadBase(thread) + MINE.state
  const beat = threadBase(thread) + MINE.beat
  stage.beat = () => {
    words[beat]++
  }
  stage.baton.onWait = waiting => {
    words[state] = waiting ? STATE.suspended : STATE.running
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
