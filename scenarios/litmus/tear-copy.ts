/**
 * Copies between arrays of one type: `set` and `slice` may copy bytes, and so half of an element may be seen, or copied.
 * Whoever publishes data with them needs an atomic flag beside it.
 */
import { acceptable, defineScenario, interesting } from '../../torture/scenario.ts'
import { OLD, seen, TORN } from './_tearing.ts'

/** An odd length: the last element is what copies in larger steps leave. */
const LENGTH = 3
const LAST = LENGTH - 1
const ONES = new Int32Array(LENGTH).fill(-1)

export default defineScenario({
  name: 'litmus-tear-copy',
  summary: 'tearing: set and slice of arrays of one type, which may copy bytes',
  tags: ['litmus', 'lockless'],
  params: { op: { default: 'slice', choices: ['set', 'slice'], describe: 'who copies: the writer, or the reader' } },
  setup: () => ({ words: new Int32Array(new SharedArrayBuffer(4 * LENGTH)) }),
  threads: {
    writer: {
      run: ({ shared: { words }, params }) => {
        if (params.op === 'set') words.set(ONES)
        else Atomics.store(words, LAST, -1)
      },
    },
    reader: {
      run: ({ shared: { words }, params }) =>
        seen(params.op === 'set' ? Atomics.load(words, LAST) : words.slice()[LAST], 0, -1),
    },
  },
  observes: ['0 old, 1 new, 2 torn'],
  outcomes: {
    ...OLD,
    '1': acceptable('the writer came first'),
    [TORN]: interesting('a part of an element was seen: ECMAScript lets these copy byte by byte'),
  },
})
