/**
 * The controlling `Atomics`: every operation of a body on shared memory is a point at which the scheduler decides who
 * goes next. It is put into the worker's realm before a scenario or a package is imported, so that captured methods
 * (`const { load } = Atomics`) are controlled too, and stays there: outside of `open` and bodies it passes through.
 *
 * Results, conversions and errors are those of the engine. Arguments that are not what they should be go to the engine
 * as they are; what has to be converted (an index '1', a value with `valueOf`) is converted once, in the order of the
 * specification, before the thread asks for its turn.
 */

import { engine } from '../../guest/engine.ts'
import type { Modified } from '../memory-model/weak-memory.ts'
import type { Addresses, Known } from '../report/addresses.ts'
import { DID, OP } from '../schedule/ops.ts'
import type { ControlledWaits } from './controlled-waits.ts'
import type { Stage } from './stage.ts'

type Value = number | bigint
type Cells = Int32Array
type Order = string | undefined

export function controlAtomics(stage: Stage, addresses: Addresses, waits: ControlledWaits): void {
  /** The element's number after conversion, or the engine's error. */
  const indexOf = (known: Known, index: unknown): number => {
    if (typeof index === 'number') {
      const whole = index | 0
      if (whole === index && whole >= 0 && whole < known.length) return whole
    }
    const converted = Math.trunc(+(index as number)) || 0
    // Throws what has to be thrown.
    if (converted < 0 || converted >= known.length) engine.load(known.scratch as Int32Array, converted || -1)
    return converted
  }

  const convert = (known: Known, value: unknown): Value => {
    if (known.big) return typeof value === 'bigint' ? value : BigInt.asIntN(Number.MAX_SAFE_INTEGER, value as bigint)
    const number = typeof value === 'number' ? value : +(value as number)
    const whole = number | 0
    return whole === number ? whole : Math.trunc(number) || 0
  }

  /** Undefined: not under control, the engine is to do it. */
  const controlled = (cells: unknown): Known | undefined => {
    if (!stage.active) return undefined
    const known = addresses.of(cells)
    if (known === undefined || known.base === 0) return undefined
    if (known.ours) return known
    stage.hides()
    return undefined
  }

  const load = (cells: Cells, index: unknown, order?: Order): unknown => {
    const known = controlled(cells)
    if (known === undefined) return engine.load(cells, index as number)
    const at = indexOf(known, index)
    stage.point(OP.load, known.base + at * known.bytes, known.bytes, order)
    const early = stage.weak?.load(cells, at, known, order)
    const value = early ?? engine.load(cells, at)
    stage.told(0, value, value)
    return value
  }

  const store = (cells: Cells, index: unknown, given: unknown, order?: Order): unknown => {
    const known = controlled(cells)
    if (known === undefined) return engine.store(cells, index as number, given as number)
    const at = indexOf(known, index)
    const value = convert(known, given)
    stage.point(OP.store, known.base + at * known.bytes, known.bytes, order)
    const held = stage.weak?.store(cells, at, value, known, order)
    if (held !== undefined) {
      stage.told(DID.delay, held, value)
      return value
    }
    const before = engine.exchange(cells, at, value as number)
    const after = cells[at]
    stage.told(before === after ? DID.write : DID.write | DID.change, before, after)
    return value
  }

  /** A read-modify-write whose write was delayed. */
  const finished = ({ did, before, after }: Modified): Value => {
    stage.told(did, before, after)
    return before
  }

  const modify = (
    kind: number,
    operation: typeof engine.add,
    cells: Cells,
    index: unknown,
    given: unknown,
    order: Order,
  ): unknown => {
    const known = controlled(cells)
    if (known === undefined) return operation(cells, index as number, given as number)
    const at = indexOf(known, index)
    const value = convert(known, given)
    stage.point(kind, known.base + at * known.bytes, known.bytes)
    if (stage.weak !== undefined) {
      const delayed = stage.weak.modify(cells, at, known, order, changing(operation, value))
      if (delayed !== undefined) return finished(delayed)
    }
    const before = operation(cells, at, value as number)
    const after = cells[at]
    stage.told(before === after ? DID.write : DID.write | DID.change, before, after)
    return before
  }
  // One after the other rather than made by a function: what is closed over is then a constant to the compiler.
  const add = (cells: Cells, index: unknown, value: unknown, order?: Order) =>
    modify(OP.add, engine.add, cells, index, value, order)
  const sub = (cells: Cells, index: unknown, value: unknown, order?: Order) =>
    modify(OP.sub, engine.sub, cells, index, value, order)
  const and = (cells: Cells, index: unknown, value: unknown, order?: Order) =>
    modify(OP.and, engine.and, cells, index, value, order)
  const or = (cells: Cells, index: unknown, value: unknown, order?: Order) =>
    modify(OP.or, engine.or, cells, index, value, order)
  const xor = (cells: Cells, index: unknown, value: unknown, order?: Order) =>
    modify(OP.xor, engine.xor, cells, index, value, order)
  const exchange = (cells: Cells, index: unknown, value: unknown, order?: Order) =>
    modify(OP.exchange, engine.exchange, cells, index, value, order)

  const compareExchange = (
    cells: Cells,
    index: unknown,
    givenExpected: unknown,
    given: unknown,
    order?: Order,
  ): unknown => {
    const known = controlled(cells)
    if (known === undefined)
      return engine.compareExchange(cells, index as number, givenExpected as number, given as number)
    const at = indexOf(known, index)
    const expected = convert(known, givenExpected)
    const value = convert(known, given)
    stage.point(OP.compareExchange, known.base + at * known.bytes, known.bytes)
    if (stage.weak !== undefined) {
      const delayed = stage.weak.modify(cells, at, known, order, exchanging(expected, value))
      if (delayed !== undefined) return finished(delayed)
    }
    const before = engine.compareExchange(cells, at, expected as number, value as number)
    const after = cells[at]
    const { scratch } = known
    scratch[0] = expected
    const did = scratch[0] !== before ? 0 : before === after ? DID.write : DID.write | DID.change
    stage.told(did, before, after)
    return before
  }

  const canWait = (known: Known): boolean =>
    known.bytes === 8 ? known.big && known.scratch instanceof BigInt64Array : known.scratch instanceof Int32Array

  const duration = (timeout: unknown): number => {
    const ms = timeout === undefined ? Number.NaN : +(timeout as number)
    return Number.isNaN(ms) ? Number.POSITIVE_INFINITY : Math.max(0, ms)
  }

  /** Waits are under control on memory of one's own as well: they would stop everybody. */
  const waitable = (cells: unknown): Known | undefined => {
    if (!stage.active) return undefined
    const known = addresses.of(cells)
    if (known === undefined || known.base === 0 || !canWait(known)) return undefined
    return known.ours ? known : addresses.hidden(cells as object, known)
  }

  const wait = (cells: Cells, index: unknown, given: unknown, timeout?: unknown): unknown => {
    const known = waitable(cells)
    if (known === undefined) return engine.wait(cells, index as number, given as number, timeout as number)
    const at = indexOf(known, index)
    const value = known.big ? BigInt.asIntN(64, given as bigint) : +(given as number) | 0
    return waits.wait(cells, at, known, value, duration(timeout))
  }

  const { waitAsync: engineWaitAsync } = Atomics as unknown as { waitAsync?: (...args: unknown[]) => unknown }
  const waitAsync = (cells: Cells, index: unknown, given: unknown, timeout?: unknown): unknown => {
    const known = waitable(cells)
    if (known === undefined) return engineWaitAsync!(cells, index, given, timeout)
    const at = indexOf(known, index)
    const value = known.big ? BigInt.asIntN(64, given as bigint) : +(given as number) | 0
    return waits.waitAsync(cells, at, known, value, duration(timeout))
  }

  const notify = (cells: Cells, index: unknown, count?: unknown): unknown => {
    const known = waitable(cells)
    if (known === undefined) return engine.notify(cells, index as number, count as number)
    const at = indexOf(known, index)
    const most = count === undefined ? Number.POSITIVE_INFINITY : Math.max(0, Math.trunc(+(count as number)) || 0)
    return waits.notify(known, known.base + at * known.bytes, most)
  }

  install({
    load,
    store,
    add,
    sub,
    and,
    or,
    xor,
    exchange,
    compareExchange,
    wait,
    notify,
    ...(engineWaitAsync === undefined ? {} : { waitAsync }),
  })
}

/** In place, so that whoever holds the object already is controlled as well. They look as the engine's do. */
function install(methods: Readonly<Record<string, (...args: never[]) => unknown>>): void {
  const realm = Atomics as unknown as Record<string, (...args: never[]) => unknown>
  for (const [name, method] of Object.entries(methods)) {
    Object.defineProperty(method, 'name', { value: name, configurable: true })
    Object.defineProperty(method, 'length', { value: realm[name].length, configurable: true })
    realm[name] = method
  }
}

/** The operation on one element of the same type. */
const changing = (operation: typeof engine.add, value: Value) => (one: Known['scratch']) => {
  operation(one as Cells, 0, value as number)
  return true
}

const exchanging = (expected: Value, value: Value) => (one: Known['scratch']) => {
  const found = one[0]
  one[0] = expected
  const same = one[0] === found
  one[0] = same ? value : found
  return same
}
