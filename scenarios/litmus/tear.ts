/**
 * Tearing of aligned 64-bit values: does a reader see half of a store? ECMAScript allows it for all plain accesses but
 * those of integer arrays of up to 32 bits; a 64-bit processor has no reason to.
 */
import { acceptable, defineScenario, forbidden, interesting } from '../../torture/scenario.ts'
import { OLD, seen, TORN } from './_tearing.ts'

/** Both halves differ from those of 0. */
const NUMBER = 1.1
const BIG = 0x1122_3344_5566_7788n
const WORD = 0x1122_3344
const WORDS_OF_32 = ['ia32', 'arm', 'mips', 'mipsel', 'ppc']

interface Shared {
  readonly float64: Float64Array
  readonly bigint64: BigInt64Array
  readonly view: DataView
  readonly int32: Int32Array
}

const WAYS: Readonly<Record<string, { write(shared: Shared): void; read(shared: Shared): number }>> = {
  float64: {
    write: ({ float64 }) => {
      float64[0] = NUMBER
    },
    read: ({ float64 }) => seen(float64[0], 0, NUMBER),
  },
  bigint64: {
    write: ({ bigint64 }) => {
      bigint64[0] = BIG
    },
    read: ({ bigint64 }) => seen(bigint64[0], 0n, BIG),
  },
  dataview: {
    write: ({ view }) => view.setFloat64(0, NUMBER),
    read: ({ view }) => seen(view.getFloat64(0), 0, NUMBER),
  },
  int32: {
    write: ({ int32 }) => {
      int32[0] = WORD
    },
    read: ({ int32 }) => seen(int32[0], 0, WORD),
  },
}

export default defineScenario({
  name: 'litmus-tear',
  summary: 'tearing: a plain store of an aligned value, and somebody who reads it',
  tags: ['litmus', 'lockless'],
  params: {
    view: { default: 'float64', choices: Object.keys(WAYS), describe: 'what the value is written and read through' },
  },
  setup: () => {
    const buffer = new SharedArrayBuffer(192)
    return {
      float64: new Float64Array(buffer, 64, 1),
      bigint64: new BigInt64Array(buffer, 64, 1),
      view: new DataView(buffer, 64, 8),
      int32: new Int32Array(buffer, 64, 1),
    }
  },
  threads: {
    writer: { run: ({ shared, params }) => WAYS[params.view].write(shared) },
    reader: { run: ({ shared, params }) => WAYS[params.view].read(shared) },
  },
  observes: ['0 old, 1 new, 2 torn'],
  outcomes: ({ params, arch }) => ({
    ...OLD,
    '1': acceptable('the writer came first'),
    [TORN]:
      params.view === 'int32'
        ? forbidden('half of a store was seen: elements of 32 bits must not tear')
        : interesting(
            WORDS_OF_32.includes(arch)
              ? `half of a store was seen: ECMAScript allows it, and ${arch} needs two accesses for 64 bits`
              : `half of a store was seen: ECMAScript allows it, and yet ${arch} has no need to`,
          ),
  }),
})
