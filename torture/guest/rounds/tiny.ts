/**
 * Tiny rounds: bodies without `more()`. Short threads that barely overlap prove nothing, and a start gate with a sleep
 * in it costs a thousand times what such a body does. So a batch of rounds is walked through in step: one copy of the
 * state per round, a meeting before it, and only at the batch's end the checks and the restoring, which the threads
 * divide among themselves.
 *
 * Perfect step would try one interleaving again and again. Each batch draws how many rounds lie between two meetings,
 * and each thread how large a head start it gives the others at most.
 */
import { publishCursor } from '../../../lib/shm/sites.ts'
import { MINE, STATE, WORD } from '../control.ts'
import { LazyXoshiro, type Xoshiro } from '../random.ts'
import { faultOf } from '../report/report.ts'
import { checkRound } from './check.ts'
import type { Context, Participant } from './participant.ts'

const { load } = Atomics

/** Rounds between two meetings, as often as they are listed: powers of two. */
export const STRIDES: readonly number[] = [1, 1, 1, 1, 1, 2, 4, 16]
/** Most turns of a head start. Some rare outcomes want them all at once, others a few hundred nanoseconds apart. */
const SKEWS: readonly number[] = [1, 8, 8, 24, 64]

/** One copy of the state, with this thread's context on it. */
export interface Lane {
  readonly shared: unknown
  readonly restore: () => void
  readonly context: Context
  readonly random: LazyXoshiro
  /** Whether `open` succeeded in the present round. */
  opened: boolean
}

export function makeLane(participant: Participant, shared: unknown, restore: () => void): Lane {
  const random = new LazyXoshiro(participant.instance.seed, participant.seat.thread)
  const { histories } = participant
  // A body that asks for more after all is none for tiny rounds: this one ends, long ones follow.
  const more = () => {
    Atomics.store(participant.control.words, WORD.wantsLong, 1)
    return false
  }
  const context = participant.context(shared, random, histories === undefined ? more : () => !histories.isFull())
  return { shared, restore, random, context, opened: false }
}

/**
 * Runs `lanes.length` rounds or fewer, as thread 0 has said in the control block.
 * @param first number of the batch's first round
 * @returns how many rounds there were
 */
export function tinyBatch(participant: Participant, lanes: readonly Lane[], skew: Xoshiro, first: number): number {
  const { control, meeting } = participant
  const { words } = control
  const rounds = load(words, WORD.batch)
  participant.state(STATE.opening)
  for (let k = 0; k < rounds; k++) {
    const lane = lanes[k]
    participant.round = first + k
    lane.random.begin(first + k)
    lane.opened = participant.open(lane.context)
  }
  // Whoever oversleeps this one spins at the first one of the walk, so that all begin together.
  meeting.meet()
  participant.state(STATE.running)
  walk(participant, lanes, rounds, skew, first)
  publishCursor()
  meeting.meet()
  participant.state(STATE.checking)
  checkLanes(participant, lanes, rounds, first)
  return rounds
}

function walk(participant: Participant, lanes: readonly Lane[], rounds: number, skew: Xoshiro, first: number): void {
  const { values, body, meeting, control, mine, histories } = participant
  const { words } = control
  const between = load(words, WORD.stride) - 1
  const headStart = SKEWS[skew.below(SKEWS.length)]
  for (let k = 0; k < rounds; k++) {
    const lane = lanes[k]
    participant.round = first + k
    words[mine + MINE.copy] = k
    histories?.recorder.begin(k)
    if ((k & between) === 0) meeting.meet()
    for (let i = skew.below(headStart); i > 0; i--) load(words, mine + MINE.state)
    try {
      if (!lane.opened) values.putThrown(k)
      else if (values.put(k, body.run(lane.context))) Atomics.store(words, WORD.cloned, mark(first))
    } catch (error) {
      values.putThrown(k)
      participant.failed(faultOf(error, 'exception'), lane.shared)
    }
    words[mine + MINE.beat]++
  }
  words[mine + MINE.copy] = 0
}

/** What says that values of a batch had to be cloned: no other batch's mark, and not 0. */
const mark = (first: number): number => (first + 1) | 0

/** Each thread takes its share of the rounds, unless values were cloned: those are with thread 0. */
function checkLanes(participant: Participant, lanes: readonly Lane[], rounds: number, first: number): void {
  const { control, seat, values } = participant
  const alone = load(control.words, WORD.cloned) === mark(first)
  if (alone && !participant.first) return
  if (alone) values.collect()
  const step = alone ? 1 : control.threads
  for (let k = alone ? 0 : seat.thread; k < rounds; k += step) {
    participant.round = first + k
    checkRound(participant, k, lanes[k].shared, first + k)
    lanes[k].restore()
  }
}
