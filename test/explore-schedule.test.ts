/** Schedules as texts: they come back as they were, and bad ones are refused with the position. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { MOST_ACTORS, MOST_STEPS } from '../torture/explore/schedule/board.ts'
import {
  decodeSchedule,
  encodeSchedule,
  parseSchedule,
  printSchedule,
  type Schedule,
} from '../torture/explore/schedule/schedule.ts'

/** Threads, with or without store buffers, and a schedule of theirs: long runs as well as single steps. */
const schedules = fc
  .record({ threads: fc.integer({ min: 1, max: MOST_ACTORS }), buffers: fc.boolean() })
  .chain(({ threads, buffers }) => {
    const run = fc.tuple(
      fc.integer({ min: 0, max: (buffers ? 2 : 1) * threads - 1 }),
      fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 2000 })),
    )
    return fc.record({
      threads: fc.constant(threads),
      actors: fc.array(run, { maxLength: 40 }).map(runs => runs.flatMap(([actor, n]) => Array<number>(n).fill(actor))),
      round: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 31 - 1 })),
      ops: fc.option(fc.array(fc.nat(9), { minLength: threads, maxLength: threads }), { nil: undefined }),
    })
  })

t.test('every schedule comes back from its text as it was', async () => {
  fc.assert(
    fc.property(schedules, ({ threads, actors, round, ops }) => {
      assert.deepEqual(decodeSchedule(encodeSchedule(actors, threads), threads), actors)
      const schedule: Schedule = { round, actors, ...(ops !== undefined && { ops }) }
      assert.deepEqual(parseSchedule(printSchedule(schedule, threads), threads), schedule)
    }),
    { numRuns: 300, seed: 1 },
  )
})

t.test('the text is short, and can be written by hand', async t => {
  t.equal(encodeSchedule([0, 0, 0, 1, 1, 1, 1, 0], 2), 'a3b4a')
  t.equal(encodeSchedule([0, 2, 2, 3], 2), 'aA2B')
  t.equal(encodeSchedule([25, 26, 26, 53, 54], 28), 'z{26}2Z{+26}')
  t.equal(encodeSchedule([], 2), '')
  t.equal(encodeSchedule(Int8Array.of(1, 1), 2), 'b2')
  t.equal(printSchedule({ round: 17, ops: [2, 1], actors: [0, 0, 1] }, 2), 'r17.o2,1.a2b')
  t.equal(printSchedule({ round: 0, actors: [0, 1] }, 2), 'ab')
  t.strictSame(decodeSchedule('a1b01a1', 2), [0, 1, 0], 'a count of one and leading zeros may be written')
  t.strictSame(decodeSchedule('a2a{0}', 2), [0, 0, 0, 0], 'runs need not be maximal, letters may be numbers')
  t.strictSame(decodeSchedule('r4o', 18), [17, 17, 17, 17, 14], 'without its point an r is a thread')
})

t.test('a bad text is refused with the position', async t => {
  const refused = (text: string, threads: number, message: string) =>
    t.throws(() => parseSchedule(text, threads), new Error(message), JSON.stringify(text))
  refused('a3c', 2, "schedule, character 3: 'c' is none of 2 threads")
  refused('aC', 2, "schedule, character 2: 'C' is none of 2 threads")
  refused('a{2}', 2, "schedule, character 2: '{2}' is none of 2 threads")
  refused('a{+2}', 2, "schedule, character 2: '{+2}' is none of 2 threads")
  refused('a3 b', 2, "schedule, character 3: ' ' is no thread")
  refused('a3\u{1f600}', 2, "schedule, character 3: '\u{1f600}' is no thread")
  refused('3a', 2, "schedule, character 1: '3' is no thread")
  refused('ab{', 2, "schedule, character 3: '{' is no thread")
  refused('ab{-1}', 2, "schedule, character 3: '{' is no thread")
  refused('ba0', 2, "schedule, character 2: 'a0' is no step")
  refused('r.a', 2, "schedule, character 2: '' is no number up to 2147483647")
  refused('r2147483648.a', 2, "schedule, character 2: '2147483648' is no number up to 2147483647")
  refused('r1.o1,.a', 2, "schedule, character 5: '' is no number up to 2147483647")
  refused('o1,2,3.a', 2, 'schedule, character 2: 3 numbers after o for 2 threads')
  refused('o1,2.r3.a', 2, "schedule, character 6: 'r' is none of 2 threads")
  refused(`ba${MOST_STEPS}`, 2, `schedule, character 2: more than ${MOST_STEPS} steps`)
  refused(`a${'9'.repeat(400)}`, 2, `schedule, character 1: '${'9'.repeat(20)}' is no number up to 2147483647`)
  t.equal(parseSchedule(`a${MOST_STEPS}`, 2).actors.length, MOST_STEPS, 'the limit itself is fine')
})
