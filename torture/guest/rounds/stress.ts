/** One thread's stay in a guest under stress: imports the scenario, runs round after round, leaves. */
import { setImmediate, setTimeout } from 'node:timers/promises'
import { type MessagePort, threadId } from 'node:worker_threads'
import { configureSites, site, siteNames } from '../../../lib/shm/sites.ts'
import type { Scenario } from '../../scenario.ts'
import { CLOCK, cursorOf, hitsOf, MINE, NEXT, now, ringOf, STATE, threadBase, WORD } from '../control.ts'
import { type Histories, makeHistories } from '../history/history.ts'
import { delayOperations, noteWaits } from '../jitter/atomics.ts'
import { Delays } from '../jitter/delays.ts'
import { loadScenario } from '../load.ts'
import { Mail } from '../mail.ts'
import type { ConcludeMessage, FromThread, SharedMessage, Stay, ToThread } from '../messages.ts'
import { STREAM, Xoshiro } from '../random.ts'
import { faultOf, NEAR_SITE, Reporter } from '../report/report.ts'
import { type BufferNumbers, buffersOf, rebind } from '../shared.ts'
import { kernelThreadId } from '../watch/proc.ts'
import { Spins } from '../watch/spins.ts'
import { Image } from './image.ts'
import { Meeting } from './meeting.ts'
import { makeMore } from './more.ts'
import { Participant } from './participant.ts'
import { type LongRound, longRound } from './rounds.ts'
import { setUp } from './setup.ts'
import { makeLane, STRIDES, tinyBatch } from './tiny.ts'
import { Values } from './values.ts'

/** How often a thread's event loop gets a turn between rounds: what bodies left there, errors too, comes to light. */
const TURN_MS = 200
/** Length of a batch of tiny rounds that stop requests wait for, ms. Meetings take their time where CPUs are scarce. */
const BATCH_MS = 100

/**
 * @param entry URL of a file in the bundle's folder
 */
export async function stress(stay: Stay, entry: string): Promise<void> {
  const { thread, instance, control, port } = stay
  const { words } = control
  const mine = threadBase(thread)
  Atomics.store(words, mine + MINE.state, STATE.importing)
  Atomics.store(words, mine + MINE.workerId, threadId)
  Atomics.store(words, mine + MINE.tid, kernelThreadId())
  const reporter = new Reporter(port, control, thread)
  const mail = new Mail<ToThread>(port, control, thread)

  const numbers: BufferNumbers = new WeakMap()
  noteWaits(words, thread, numbers)
  const spins = new Spins(numbers)
  const delays = new Delays(instance.jitter, instance.seed, thread, control.threads)
  const undelay = delays.everyOperation > 0 ? delayOperations(delays, spins) : () => {}
  let scenario: Scenario
  try {
    scenario = await loadScenario(instance, entry)
  } catch (error) {
    reporter.fail({ ...faultOf(error, 'import'), thread: 'import', round: 0, fatal: true })
    return
  }
  if (siteNames().length > 0) undelay()
  // After the import: the sites of the program keep their numbers.
  const nearSite = site(NEAR_SITE)

  if (thread === 0 && !setUp(stay, scenario, reporter, port)) return
  Atomics.store(words, mine + MINE.state, STATE.idle)
  const { shared, copies, values, history } = (await mail.next()) as SharedMessage
  const sets = copies.map((buffers, copy) => (copy === 0 ? buffersOf(shared) : buffers))
  sets.forEach((buffers, copy) => {
    for (const [buffer, it] of buffers.entries()) numbers.set(it, { buffer, copy })
  })
  configureSites({
    hits: hitsOf(control, thread),
    ring: ringOf(control, thread),
    cursor: cursorOf(control, thread),
    delayEvery: delays.everySite,
    delay: delays.atSite,
    below: delays.below,
  })
  let histories: Histories | undefined
  try {
    histories = history && makeHistories({ scenario, instance, thread, ...history, count: reporter.count })
  } catch (error) {
    reporter.fail({ ...faultOf(error, 'history'), thread: 'history', round: 0, fatal: true })
    return
  }
  const participant = new Participant({
    scenario,
    instance,
    control,
    reporter,
    meeting: new Meeting(words, control.threads, thread, control.threads > stay.availableCpus),
    values: new Values(values, control.threads, thread, stay.toFirst, stay.fromOthers),
    histories,
    thread,
    nearSite,
  })
  await allRounds(participant, shared, sets)
  if (thread === 0) await conclude(scenario, participant, port, mail)
  Atomics.store(words, mine + MINE.state, STATE.done)
}

async function allRounds(
  participant: Participant,
  shared: unknown,
  sets: readonly (readonly SharedArrayBuffer[])[],
): Promise<void> {
  const { control, instance, seat, meeting } = participant
  const { words, clock } = control
  // Who never restores needs no image: with one set of (then large) buffers only thread 0 does.
  const image = new Image(seat.thread === 0 || sets.length > 1 ? sets[0] : [])
  const random = new Xoshiro(0, 0, 0)
  const long: LongRound = {
    participant,
    shared,
    random,
    more: makeMore(participant),
    restore: image.restorer(sets[0]),
  }
  const planner = new Planner(participant, sets.length)
  // Nobody touches the buffers before all have taken their image.
  meeting.meet()
  let lanes: ReturnType<typeof makeLane>[] | undefined
  let round = 0
  let turned = now()
  for (let next: number = NEXT.long; next !== NEXT.leave; next = Atomics.load(words, WORD.next)) {
    if (next === NEXT.long) {
      await longRound(long, round++)
    } else {
      lanes ??= sets.map((buffers, copy) => {
        const restore = image.restorer(buffers)
        // The buffers of copies are still empty.
        if (copy > 0) restore()
        return makeLane(participant, copy === 0 ? shared : rebind(shared, buffers), restore)
      })
      round += tinyBatch(participant, lanes, new Xoshiro(instance.seed, STREAM.delays - 1 - seat.thread, round), round)
    }
    if (participant.first) {
      clock[CLOCK.rounds] = round
      clock[CLOCK.worked] = now()
      Atomics.store(words, WORD.next, planner.next())
    }
    if (now() - turned > TURN_MS) {
      await setImmediate()
      turned = now()
    }
    meeting.meet()
  }
  // A last turn, timers included; who dies of it never meets the others, and nothing is called finished.
  await setTimeout(1)
  await setImmediate()
  meeting.meet()
}

/** Thread 0 decides between rounds what comes next, before it meets the others. */
class Planner {
  readonly #participant: Participant
  readonly #copies: number
  readonly #random: Xoshiro
  #batchStarted = 0
  #tiny: boolean | undefined

  constructor(participant: Participant, copies: number) {
    this.#participant = participant
    this.#copies = copies
    this.#random = new Xoshiro(participant.instance.seed, STREAM.strides, 0)
  }

  next(): number {
    const { words } = this.#participant.control
    if (Atomics.load(words, WORD.stop) === 1) return NEXT.leave
    if (Atomics.load(words, WORD.wantsLong) === 1) return NEXT.long
    // Histories are short, whoever asks for more.
    this.#tiny ??= this.#participant.histories !== undefined || this.#nobodyAskedForMore()
    if (!this.#tiny) return NEXT.long
    Atomics.store(words, WORD.batch, this.#batchSize(now()))
    Atomics.store(words, WORD.stride, STRIDES[this.#random.below(STRIDES.length)])
    return NEXT.tiny
  }

  /** After the first round, which was a long one: no heartbeat means that no body called `more()`. */
  #nobodyAskedForMore(): boolean {
    const { words, threads } = this.#participant.control
    for (let t = 0; t < threads; t++) if (Atomics.load(words, threadBase(t) + MINE.beat) !== 0) return false
    return true
  }

  /** Grows to the number of copies while batches are short, shrinks when they take long. */
  #batchSize(time: number): number {
    const before = Atomics.load(this.#participant.control.words, WORD.batch)
    const took = time - this.#batchStarted
    const slow = this.#batchStarted !== 0 && before > 0 && took > BATCH_MS
    this.#batchStarted = time
    if (before === 0) return 1
    return slow ? Math.max(1, before >> 1) : Math.min(this.#copies, before * 2)
  }
}

/** Thread 0 has no more rounds to lead; the scenario may be asked whether they prove anything. */
async function conclude(
  scenario: Scenario,
  participant: Participant,
  port: MessagePort,
  mail: Mail<ToThread>,
): Promise<void> {
  participant.state(STATE.idle)
  port.postMessage({ type: 'finished' } satisfies FromThread)
  const { counters } = (await mail.next()) as ConcludeMessage
  participant.state(STATE.checking)
  try {
    const reason = scenario.inconclusive?.({ counters, params: participant.instance.params })
    port.postMessage({ type: 'concluded', ...(reason === undefined ? {} : { reason }) } satisfies FromThread)
  } catch (error) {
    participant.failed(faultOf(error, 'exception'), undefined, 'inconclusive')
    port.postMessage({ type: 'concluded' } satisfies FromThread)
  }
}
