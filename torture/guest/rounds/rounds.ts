/** A long round: bodies that go on while `more()` says so, or take their time without it. */

import { publishCursor } from '../../../lib/shm/sites.ts'
import { ATTENTION, CLOCK, MINE, now, STATE, threadBase, WORD } from '../control.ts'
import type { Xoshiro } from '../random.ts'
import { faultOf } from '../report/report.ts'
import { isThenable } from '../thenable.ts'
import { checkRound } from './check.ts'
import type { Participant } from './participant.ts'

export interface LongRound {
  readonly participant: Participant
  readonly shared: unknown
  readonly random: Xoshiro
  readonly more: () => boolean
  /** Makes the shared buffers pristine again. */
  readonly restore: () => void
}

/** Runs one round with all other threads. Whoever is thread 0 checks it and restores the image. */
export async function longRound(long: LongRound, round: number): Promise<void> {
  const { participant, shared } = long
  const { meeting, first } = participant
  participant.round = round
  participant.state(STATE.opening)
  long.random.reseed(participant.instance.seed, participant.seat.thread, round)
  const context = participant.context(shared, long.random, long.more)
  const opened = participant.open(context)
  participant.histories?.recorder.begin(0)
  meeting.meet()
  if (first) announce(participant, round)
  meeting.gate()

  participant.state(STATE.running)
  if (opened) await runBody(participant, context)
  else participant.values.putThrown(0)
  publishCursor()
  meeting.meet()

  if (!first) return
  const { words } = participant.control
  Atomics.store(words, WORD.inRound, 0)
  participant.state(STATE.checking)
  participant.values.collect()
  checkRound(participant, 0, shared, round)
  long.restore()
}

async function runBody(participant: Participant, context: Parameters<Participant['body']['run']>[0]): Promise<void> {
  const { values, control } = participant
  try {
    let value = participant.body.run(context)
    if (isThenable(value)) {
      Atomics.store(control.words, WORD.wantsLong, 1)
      value = await value
    }
    values.put(0, value)
  } catch (error) {
    values.putThrown(0)
    participant.failed(faultOf(error, 'exception'), context.shared)
  }
}

/** Opens the books of a round: from here on the main thread may end it. */
function announce({ control }: Participant, round: number): void {
  const { words, clock } = control
  Atomics.store(words, WORD.round, round | 0)
  for (let t = 0; t < control.threads; t++)
    Atomics.and(words, threadBase(t) + MINE.attention, ~(ATTENTION.end | ATTENTION.stutter))
  const time = now()
  if (clock[CLOCK.gateOpened] === 0) clock[CLOCK.gateOpened] = time
  clock[CLOCK.roundStarted] = time
  Atomics.store(words, WORD.inRound, 1)
}
