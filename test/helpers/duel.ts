/**
 * The worker's side of explore-atomics.test.ts: the same random calls on the engine's own `Atomics` and on the
 * controlling one, each on a memory of its own that began with the same bytes. In a worker, because what is installed
 * stays.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { Addresses } from '../../torture/explore/addresses.ts'
import { controlAtomics } from '../../torture/explore/atomics.ts'
import { Baton, batonMemory } from '../../torture/explore/baton.ts'
import { Board } from '../../torture/explore/board.ts'
import { ControlledWaits } from '../../torture/explore/controlled-waits.ts'
import { Focus } from '../../torture/explore/focus.ts'
import { OP } from '../../torture/explore/ops.ts'
import { Scheduler } from '../../torture/explore/scheduler.ts'
import { Stage } from '../../torture/explore/stage.ts'
import { RandomWalk } from '../../torture/explore/strategies/random.ts'
import { Xoshiro } from '../../torture/guest/random.ts'

type Method = (...args: unknown[]) => unknown
type Methods = Readonly<Record<string, Method>>
/** One of the two: its methods, its memory, and what was converted. */
interface Side {
  readonly methods: Methods
  readonly shared: SharedArrayBuffer
  readonly own: SharedArrayBuffer
  readonly plain: ArrayBuffer
  readonly log: string[]
}
/** An argument as each side makes it: objects that log what is done to them belong to one side. */
type Argument = (side: Side) => unknown

export interface Mismatch {
  readonly seed: number
  readonly call: string
  readonly engine: string
  readonly controlled: string
}

export interface Report {
  readonly mismatches: readonly Mismatch[]
  readonly calls: number
  /** Names of the methods, and how each call of it ended: values, and errors by class. */
  readonly endings: Readonly<Record<string, readonly string[]>>
}

const BYTES = 64
const everything = Object.getOwnPropertyNames(Atomics).filter(
  name => typeof (Atomics as unknown as Methods)[name] === 'function',
)
const capture = (): Methods => Object.fromEntries(everything.map(name => [name, (Atomics as unknown as Methods)[name]]))

/** Before anything is put in its place. */
const engine = capture()

/** A thread under control, the only one of its execution. */
function rig() {
  const stage = new Stage(0)
  const addresses = new Addresses(0)
  const waits = new ControlledWaits(stage)
  controlAtomics(stage, addresses, waits)
  const board = new Board(1)
  const scheduler = new Scheduler(board, [new RandomWalk()], new Focus(Focus.memoryFor(0)))
  stage.attach(board, scheduler, new Baton(batonMemory(1), 0))
  const begin = (buffers: readonly SharedArrayBuffer[]) => {
    addresses.place(buffers)
    board.reset(1, 0, [0], false)
    scheduler.waits.reset()
    waits.reset()
    stage.reset()
    stage.started()
  }
  return { stage, waits, board, begin }
}

const INTEGERS = {
  Int8Array,
  Uint8Array,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  BigInt64Array,
  BigUint64Array,
}
const OTHERS = { Uint8ClampedArray, Float32Array, Float64Array }
type Views = typeof INTEGERS & typeof OTHERS
class Derived extends Int32Array {}

class Draw {
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

const MEDDLES = 'uses Atomics'

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

interface Call {
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

function drawCall(draw: Draw): Call {
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

/** How a call ended, as a text that is the same if it was the same. */
function carryOut(side: Side, { method, args }: Call): string {
  side.log.length = 0
  let ended: string
  try {
    ended = describe(side.methods[method](...args.map(make => make(side))))
  } catch (error) {
    ended =
      error instanceof Error ? `${error.constructor.name} ${error.name}: ${error.message}` : `thrown ${describe(error)}`
  }
  return [ended, ...side.log].join(', ')
}

function describe(value: unknown): string {
  if (value instanceof Promise) return 'a promise'
  if (Object.is(value, -0)) return 'number -0'
  if (typeof value !== 'object' || value === null) return `${typeof value} ${String(value)}`
  const entries = Object.entries(value).map(([key, of]) => `${key}: ${describe(of)}`)
  return `${Object.getPrototypeOf(value) === Object.prototype ? '' : 'strange '}{ ${entries.join(', ')} }`
}

const bytesOf = ({ shared, own, plain }: Side): string =>
  [shared, own, plain].map(buffer => Buffer.from(new Uint8Array(buffer)).toString('hex')).join(' ')

const kindOf = (ended: string) => ended.split(/[ :]/, 1)[0]

/** Calls on both sides, `active` or not, until one differs. */
export function duel(seeds: number, calls: number, active: boolean): Report {
  const { stage, board, begin } = rig()
  const captured = capture()
  const mismatches: Mismatch[] = []
  const endings: Record<string, Set<string>> = Object.fromEntries(everything.map(name => [name, new Set<string>()]))
  let done = 0
  for (let seed = 1; seed <= seeds; seed++) {
    const draw = new Draw(seed)
    const bytes = Uint8Array.from({ length: BYTES }, () => (draw.oneIn(2) ? 0 : draw.below(256)))
    const sideOf = (methods: Methods): Side => {
      const side = {
        methods,
        shared: new SharedArrayBuffer(BYTES),
        own: new SharedArrayBuffer(BYTES),
        plain: new ArrayBuffer(BYTES),
        log: [],
      }
      for (const buffer of [side.shared, side.own, side.plain]) new Uint8Array(buffer).set(bytes)
      return side
    }
    const sides = [sideOf(engine), sideOf(seed % 2 === 0 ? captured : (Atomics as unknown as Methods))] as const
    begin([sides[1].shared])
    for (let n = 0; n < calls; n++) {
      const call = drawCall(draw)
      const was = carryOut(sides[0], call)
      const { steps } = board
      stage.active = active
      const is = carryOut(sides[1], call)
      stage.active = false
      done++
      endings[call.method].add(kindOf(was))
      const [before, after] = [bytesOf(sides[0]), bytesOf(sides[1])]
      const took = board.steps - steps
      const wrong = was !== is ? [was, is] : before !== after ? [before, after] : extraSteps(active, call, was, took)
      if (wrong === undefined) continue
      mismatches.push({ seed, call: call.text, engine: wrong[0], controlled: wrong[1] })
      break
    }
  }
  return {
    mismatches,
    calls: done,
    endings: Object.fromEntries(Object.entries(endings).map(([name, of]) => [name, [...of]])),
  }
}

/** A call whose arguments are refused is no step; without control there are none at all. */
function extraSteps(active: boolean, { text }: Call, ended: string, took: number): [string, string] | undefined {
  if (!active) return took === 0 ? undefined : ['no steps', `${took} steps`]
  if (ended.includes(MEDDLES)) return undefined
  const refused = /^(\w+Error|thrown) /.test(ended)
  if (refused && took > 0) return ['no step', `${took} steps, though it is refused`]
  if (!refused && took === 0 && /\(shared/.test(text) && !/^(isLockFree|pause) /.test(text)) return ['a step', 'none']
  return undefined
}

/** Waits in a queue are served in the order in which they came. */
async function queue(): Promise<string> {
  const { stage, waits, board, begin } = rig()
  const shared = new SharedArrayBuffer(16)
  const array = new Int32Array(shared)
  begin([shared])
  const { waitAsync, notify } = Atomics as unknown as Methods
  const heard: string[] = []
  stage.active = true
  const join = (name: string, at: number) => {
    const { value } = waitAsync(array, at, 0) as { value: Promise<string> }
    void value.then(result => heard.push(`${name} ${result}`))
  }
  for (const [name, at] of [
    ['a', 0],
    ['b', 1],
    ['c', 0],
    ['d', 0],
    ['e', 1],
  ] as const)
    join(name, at)
  for (const [at, most] of [
    [0, 1],
    [1, 1],
    [0, 1],
    [0, 5],
    [1, 5],
  ] as const) {
    const woken = notify(array, at, most)
    heard.push(`notified ${woken}`)
    waits.settleOne()
    await undefined
  }
  heard.push(`notified ${notify(array, 0)}, ${notify(array, 1)}`)
  stage.active = false
  const notifies = Array.from({ length: board.steps }, (_, step) => board.kindAt(step)).filter(
    kind => kind === OP.notify,
  )
  heard.push(`${notifies.length} steps`)
  return heard.join(', ')
}

/** How what is installed looks: `name length attributes` of each method and of the object. */
function looks(): string[] {
  return Reflect.ownKeys(Atomics).map(key => {
    const { value, ...flags } = Object.getOwnPropertyDescriptor(Atomics, key)!
    const of = (name: string) => JSON.stringify(Object.getOwnPropertyDescriptor(value, name))
    const shape = typeof value === 'function' ? `${of('name')} ${of('length')} ${'prototype' in value}` : value
    return `${String(key)} ${JSON.stringify(flags)} ${shape}`
  })
}

if (parentPort !== null) {
  const { task, seeds, calls } = workerData.duel
  const port = parentPort
  if (task === 'looks') {
    const before = looks()
    rig()
    port.postMessage({ before, after: looks(), replaced: everything.filter(name => engine[name] !== capture()[name]) })
  } else if (task === 'queue') void queue().then(heard => port.postMessage(heard))
  else port.postMessage(duel(seeds, calls, task === 'active'))
}
