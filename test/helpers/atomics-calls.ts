/**
 * Random calls of `Atomics` for explore-atomics.test.ts: methods, arrays, indices, values, and what conversion has to put
 * up with. To be imported before anything is installed, since it holds the engine's own methods.
 */
import { INTEGERS } from '../../torture/explore/report/addresses.ts'
import { Xoshiro } from '../../torture/guest/random.ts'

type Method = (...args: unknown[]) => unknown
export type Methods = Readonly<Record<string, Method>>
/** One of the two that are compared: its methods, its memory, and what was converted. */
export interface Side {
  readonly methods: Methods
  readonly shared: SharedArrayBuffer
  readonly own: SharedArrayBuffer
  readonly plain: ArrayBuffer
  readonly log: string[]
}
/** An argument as each side makes it: objects that log what is done to them belong to one side. */
type Argument = (side: Side) => unknown

export const everything = Object.getOwnPropertyNames(Atomics).filter(
  name => typeof (Atomics as unknown as Methods)[name] === 'function',
)
export const capture = (): Methods =>
  Object.fromEntries(everything.map(name => [name, (Atomics as unknown as Methods)[name]]))

/** Before anything is put in its place. */
export const engine = capture()

const OTHERS = { Uint8ClampedArray, Float32Array, Float64Array }
type Views = typeof INTEGERS & typeof OTHERS
class Derived extends Int32Array {}

export class Draw {
  readonly #random: Xoshiro

  constructor(seed: number) {
    this.#random = new Xoshiro(seed, 0, 0)
  }

  below(bound: number): number {
    return this.#random.below(bound)
  }

  int32(): number {
    return this.#random.int32()
  }

  oneIn(n: number): boolean {
    return this.below(n) === 0
  }

  of<T>(from: readonly T[]): T {
    return from[this.below(from.length)]
  }
}

const plainly =
  (value: unknown): Argument =>
  () =>
    value

/** An object that says when it is converted, and then is `value`, or throws it. */
function telling(name: string, value: unknown, throws = false): Argument {
  return ({ log }) => ({
    [Symbol.toPrimitive]: (hint: string) => {
      log.push(`${name} as ${hint}`)
      if (throws) throw value
      return value
    },
  })
}

export const MEDDLES = 'uses Atomics'

/** An object whose conversion uses Atomics itself. */
const meddling =
  (name: string): Argument =>
  ({ methods, shared, log }) => ({
    valueOf: () => {
      log.push(`${name} ${MEDDLES}`)
      return Number(methods.add(new Uint8Array(shared), 0, 1)) & 1
    },
  })

/** What every conversion has to deal with. */
const strange = (name: string): Argument[] => [
  ...[undefined, null, true, false, Number.NaN, -0, '', '1', 'x', ' 2 ', Symbol('s'), 1n, [], [1], [1, 2]].map(plainly),
  telling(name, 1),
  telling(name, '1'),
  telling(name, Symbol('told')),
  telling(name, new TypeError(`${name} does not want to`), true),
  telling(name, `${name} throws a text`, true),
  meddling(name),
]

function index(draw: Draw): Argument {
  if (!draw.oneIn(4)) return plainly(draw.below(2))
  return draw.of([
    ...strange('index'),
    ...[1.5, -0.9, -1, -1.5, 7, 8, 64, 2 ** 32, 2 ** 53, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map(
      plainly,
    ),
    telling('index', 1.9),
    telling('index', 1000),
  ])
}

function value(draw: Draw, name: string, big: boolean): Argument {
  if (draw.oneIn(8)) big = !big
  if (draw.oneIn(4)) return draw.of([...strange(name), telling(name, 3n), telling(name, 2 ** 33 + 3.5)])
  if (big)
    return plainly(draw.of([0n, 1n, -1n, BigInt(draw.int32()), 2n ** 63n, -(2n ** 63n), 2n ** 64n + 3n, 2n ** 200n]))
  return plainly(
    draw.of([
      0,
      1,
      2,
      -1,
      draw.int32(),
      2 ** 31,
      2 ** 32 + 5,
      1e20,
      -1e20,
      2 ** 53,
      1.9,
      -1.9,
      -0.5,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ]),
  )
}

/** Waits of the engine take real time, and must end. */
const timeout = (draw: Draw, method: string): Argument =>
  draw.of([
    ...[0, -0, -1, 0.25, '0', null, false, '', [], Number.NEGATIVE_INFINITY, Symbol('s'), 1n].map(plainly),
    telling('timeout', method === 'wait' ? 0.5 : 1e6),
    telling('timeout', -3),
    telling('timeout', 1n),
    telling('timeout', new RangeError('no time'), true),
  ])

const count = (draw: Draw): Argument =>
  draw.oneIn(2)
    ? plainly(draw.of([0, 1, 2, -1, 1.7, -0.5, Number.POSITIVE_INFINITY]))
    : draw.of([...strange('count'), telling('count', 2)])

interface Cells {
  readonly text: string
  readonly make: Argument
  readonly big: boolean
}

function cells(draw: Draw): Cells {
  if (draw.oneIn(8)) return draw.of(NO_CELLS)
  const names = draw.oneIn(12) ? Object.keys(OTHERS) : Object.keys(INTEGERS)
  const name = draw.of([...names, ...names.filter(n => n === 'Int32Array' || n === 'BigInt64Array')]) as keyof Views
  const view = { ...INTEGERS, ...OTHERS }[name]
  const place = draw.oneIn(4) ? draw.of(['own', 'plain'] as const) : 'shared'
  const from = draw.oneIn(3) ? 8 * (1 + draw.below(3)) : 0
  const length = draw.oneIn(16) ? 0 : draw.oneIn(3) ? 1 + draw.below(3) : undefined
  return {
    text: `${name}(${place}, ${from}, ${length ?? ''})`,
    make: side => new view(side[place] as ArrayBuffer, from, length),
    big: name.startsWith('Big'),
  }
}

function detached(): Int32Array {
  const buffer = new ArrayBuffer(16)
  const array = new Int32Array(buffer)
  structuredClone(buffer, { transfer: [buffer] })
  return array
}

const NO_CELLS: readonly Cells[] = (
  [
    ['nothing', plainly(undefined)],
    ['null', plainly(null)],
    ['a number', plainly(1)],
    ['a text', plainly('cells')],
    ['a plain object', plainly({ length: 8 })],
    ['an array of numbers', plainly([1, 2, 3])],
    ['a function', plainly(() => 0)],
    ['a buffer', ({ shared }) => shared],
    ['a DataView', ({ shared }) => new DataView(shared)],
    ['what only inherits', plainly(Object.create(Int32Array.prototype))],
    ['a proxy', ({ shared }) => new Proxy<object>(new Int32Array(shared), {})],
    ['a detached array', plainly(detached())],
    ['an object to convert', telling('cells', 1)],
    ['an array of a class of its own', ({ shared }) => new (Derived as typeof Int32Array)(shared)],
    ['an array without its prototype', ({ shared }) => Object.setPrototypeOf(new Int32Array(shared), null)],
    [
      'an array that lies',
      ({ shared }) =>
        Object.defineProperties(new Int32Array(shared, 8, 2), {
          length: { value: 100 },
          byteOffset: { value: 0 },
          buffer: { value: new ArrayBuffer(8) },
          [Symbol.toStringTag]: { value: 'Float64Array' },
        }),
    ],
  ] as [string, Argument][]
).map(([text, make]) => ({ text, make, big: false }))

const MEETING: Cells = { text: 'Int32Array(shared)', make: ({ shared }) => new Int32Array(shared), big: false }

export interface Call {
  readonly text: string
  readonly method: string
  readonly args: readonly Argument[]
}

const VALUES: Readonly<Record<string, number>> = {
  load: 0,
  store: 1,
  add: 1,
  sub: 1,
  and: 1,
  or: 1,
  xor: 1,
  exchange: 1,
  compareExchange: 2,
}

function drawWait(
  draw: Draw,
  method: string,
  { make, big, at }: { readonly make: Argument; readonly big: boolean; readonly at: Argument },
): Argument[] {
  // For ever only where it would not sleep.
  if (draw.oneIn(4)) {
    const forEver = draw.oneIn(2) ? [] : [plainly(draw.of([undefined, Number.NaN, 'x', 1e9]))]
    return [make, plainly(0), side => otherThanIn(make(side)), ...forEver]
  }
  const held: Argument = side => inFirst(make(side))
  if (method === 'waitAsync' && draw.oneIn(2)) return [make, plainly(0), held]
  const wanted = draw.oneIn(2) ? held : value(draw, 'value', big)
  return [make, draw.oneIn(2) ? plainly(0) : at, wanted, timeout(draw, method)]
}

export function drawCall(draw: Draw): Call {
  const method = draw.of(everything)
  // Queues get long only where many meet.
  const { text, make, big } = /notify|waitAsync/.test(method) && draw.oneIn(2) ? MEETING : cells(draw)
  const called = (args: Argument[]): Call => ({ text: `${method} on ${text}`, method, args })
  if (method === 'isLockFree') return called([value(draw, 'size', false)])
  if (method === 'pause') return called(draw.oneIn(2) ? [] : [draw.of([...strange('pause'), plainly(3)])])
  const at = index(draw)
  if (method === 'notify') return called(draw.oneIn(3) ? [make, at] : [make, at, count(draw)])
  if (method === 'wait' || method === 'waitAsync') return called(drawWait(draw, method, { make, big, at }))
  const values = Array.from({ length: VALUES[method] }, (_, n) => value(draw, `value ${n}`, big))
  const args = [make, at, ...values]
  if (draw.oneIn(16)) args.pop()
  else if (draw.oneIn(4)) args.push(plainly(draw.of(['relaxed', 'acquire', 'release'])))
  return called(args)
}

/** What the first cell holds; 0 where there is none. */
function inFirst(array: unknown): unknown {
  try {
    return engine.load(array, 0)
  } catch {
    // No cells: whoever waits there is refused.
    return 0
  }
}

function otherThanIn(array: unknown): unknown {
  const held = inFirst(array)
  return typeof held === 'bigint' ? held ^ 1n : (held as number) ^ 1
}
