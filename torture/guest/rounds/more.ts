/**
 * `more()`: a store and a load when nothing is wanted of the thread. Otherwise it ends the round, or puts the thread to
 * sleep for a while: all at once to one published instant (stutter), or one alone (onoff).
 */
import { ATTENTION, CLOCK, endRound, MINE, now, STATE, WORD } from '../control.ts'
import type { Participant } from './participant.ts'

const { and, load, store, wait } = Atomics

export function makeMore(participant: Participant): () => boolean {
  const { words } = participant.control
  const beatAt = participant.mine + MINE.beat
  const attentionAt = participant.mine + MINE.attention
  let beats = words[beatAt]
  const { histories } = participant
  if (histories !== undefined) {
    return () => {
      words[beatAt] = ++beats
      // The first round is a long one, and those of asynchronous bodies.
      if (histories.isFull()) endRound(participant.control, load(words, WORD.round))
      return load(words, attentionAt) === 0 || attend(participant)
    }
  }
  return () => {
    // A plain store: only the watchdog reads it, a tenth of a second later.
    words[beatAt] = ++beats
    if (load(words, attentionAt) === 0) return true
    return attend(participant)
  }
}

function attend(participant: Participant): boolean {
  const { control, mine } = participant
  const { words, clock } = control
  const at = mine + MINE.attention
  for (let wanted = load(words, at); wanted !== 0; wanted = load(words, at)) {
    if ((wanted & ATTENTION.end) !== 0) {
      if (load(words, WORD.endRound) === load(words, WORD.round)) return false
      // Meant for a round that had ended by itself.
      and(words, at, ~ATTENTION.end)
    } else if ((wanted & ATTENTION.stutter) !== 0) {
      and(words, at, ~ATTENTION.stutter)
      sleepUntil(participant, clock[CLOCK.wake], MINE.stuttered)
    } else {
      and(words, at, ~ATTENTION.leave)
      sleepUntil(participant, now() + load(words, mine + MINE.leaveMs), MINE.left)
    }
  }
  return true
}

/** Sleeps to an absolute instant, or until the round ends. */
function sleepUntil(participant: Participant, until: number, counter: number): void {
  const { control, mine, body, local } = participant
  const { words } = control
  body.pause?.(local)
  store(words, mine + MINE.state, STATE.paused)
  for (let left = until - now(); left > 0; left = until - now()) {
    const nudge = load(words, WORD.nudge)
    if ((load(words, mine + MINE.attention) & ATTENTION.end) !== 0) break
    wait(words, WORD.nudge, nudge, left)
  }
  words[mine + counter]++
  store(words, mine + MINE.state, STATE.running)
  body.resume?.(local)
}
