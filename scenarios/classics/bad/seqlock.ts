/**
 * A reader takes whatever number it finds, and only looks whether it has changed.
 *
 * 1. The writer makes the sequence odd, and changes the first word.
 * 2. The reader finds 1, reads a new and an old word, and finds 1 again: nothing has changed, so it believes them.
 *
 * Source: Linux, include/linux/seqlock.h: read_seqcount_begin() waits for an even number, and raw_seqcount_begin(),
 * which does not, clears the lowest bit, so that the reader is bound to try again.
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { seqlock } from '../seqlock.ts'

export default defineScenario({
  name: 'seqlock-bad',
  summary: 'a seqlock whose reader begins in the middle of a write, too: it sees half of it',
  tags: ['bad'],
  // wrong: an odd number means that somebody writes
  ...seqlock(sequence => Atomics.load(sequence, 0, 'acquire')),
})
