/**
 * Operations that ECMAScript describes element by element: `set` from an array of another type, a constructor over one,
 * `toSorted`. Elements of 32 bits must not tear there. V8 copies memory instead, and its last step goes by bytes: at odd
 * lengths a reader sees parts of the last element.
 *
 * It is the engine that is wrong here, and so the scenario is tagged as `bad`: it fails wherever V8 does this.
 *
 * ECMA-262: SetTypedArrayFromTypedArray, InitializeTypedArrayFromTypedArray and TypedArrayGetElement read and write by
 * GetValueFromBuffer and SetValueInBuffer with isTypedArray = true; by IsNoTearConfiguration that is free of tears for
 * Int32 and Uint32.
 */
import { acceptable, defineScenario, forbidden } from '../../torture/scenario.ts'
import { OLD, seen, TORN } from './_tearing.ts'

const LENGTH = 3
const LAST = LENGTH - 1
const ONES = new Uint32Array(LENGTH).fill(0xffff_ffff)

export default defineScenario({
  name: 'litmus-tear-bulk',
  summary: 'V8 tears the last element of set, of constructors and of toSorted at odd lengths, which it must not',
  tags: ['bad'],
  params: {
    op: { default: 'set', choices: ['set', 'constructor', 'toSorted'], describe: 'the operation on the whole array' },
  },
  setup: () => ({ words: new Int32Array(new SharedArrayBuffer(4 * LENGTH)) }),
  threads: {
    writer: {
      run: ({ shared: { words }, params }) => {
        if (params.op === 'set') words.set(ONES)
        else for (let i = 0; i < LENGTH; i++) Atomics.store(words, i, -1)
      },
    },
    reader: {
      run: ({ shared: { words }, params }) => {
        if (params.op === 'set') return seen(Atomics.load(words, LAST), 0, -1)
        if (params.op === 'constructor') return seen(new Uint32Array(words)[LAST] | 0, 0, -1)
        const least = words.toSorted()[0]
        const most = Math.max(...words.toSorted())
        return Math.max(seen(least, 0, -1), seen(most, 0, -1))
      },
    },
  },
  observes: ['0 old, 1 new, 2 torn'],
  outcomes: {
    ...OLD,
    '1': acceptable('the writer came first'),
    [TORN]: forbidden('a part of a 32-bit element was seen: ECMA-262 reads and writes these element by element'),
  },
})
