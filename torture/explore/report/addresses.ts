/**
 * Addresses of cells: the shared buffers one after the other, in the order in which a walk through what `setup` returned
 * meets them, so that all threads give a cell the same number.
 */
import { FIRST_ADDRESS, spaceOf } from '../sizes.ts'

export const CLOCK_ADDRESS = 8
/** Memory that `setup` did not return belongs to one thread, as far as can be known. */
const PRIVATE = 0x40000000
const PRIVATE_SPAN = 1 << 24

type Cells =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array

/** What is known of a typed array. */
export interface Known {
  /**
   * Address of its first element; 0: it is not shared, and nobody else sees what happens in it. Of memory that `setup`
   * did not return only `Addresses.hidden` knows it.
   */
  readonly base: number
  readonly length: number
  readonly bytes: number
  /** One element of the same type, to convert values with. */
  readonly scratch: Cells
  readonly big: boolean
  /** Whether `setup` returned its buffer. */
  readonly ours: boolean
}

export class Addresses {
  readonly #bases = new WeakMap<object, number>()
  readonly #known = new WeakMap<object, Known>()
  /** What was asked for last: mostly it is what is asked for next. */
  #lastArray: object | undefined
  #last: Known | undefined
  readonly #starts: number[] = []
  readonly #views = new Map<SharedArrayBuffer, Map<number, Int32Array>>()
  readonly #buffers: SharedArrayBuffer[] = []
  readonly #private: number
  /** Buffers that `setup` did not return, and what they take so far. */
  #hidden = new WeakMap<object, number>()
  #taken = 0
  #end = FIRST_ADDRESS

  constructor(thread: number) {
    this.#private = PRIVATE + thread * PRIVATE_SPAN
  }

  /** Gives the buffers their places. Throws RangeError if they are too large to be told apart. */
  place(buffers: readonly SharedArrayBuffer[]): void {
    for (const buffer of buffers) {
      this.#starts.push(this.#end)
      this.#buffers.push(buffer)
      this.#bases.set(buffer, this.#end)
      this.#end += spaceOf(buffer)
    }
    if (this.#end > PRIVATE) throw new RangeError('more than 1 GiB of shared memory cannot be explored')
  }

  /** Other objects over the same memory: what `setup` itself holds, before it travelled. */
  alias(buffers: readonly SharedArrayBuffer[]): void {
    for (const [n, buffer] of buffers.entries()) this.#bases.set(buffer, this.#starts[n])
  }

  /** Before an execution: what `setup` did not return is numbered anew, in the order in which it is used. */
  reset(): void {
    if (this.#taken === 0) return
    this.#taken = 0
    this.#hidden = new WeakMap()
  }

  /** As `of`, for an array over memory that `setup` did not return: where it is in this execution, and how long it is now. */
  hidden(array: object, known: Known): Known {
    const buffer = slots.buffer.call(array)
    let base = this.#hidden.get(buffer)
    if (base === undefined) {
      base = this.#private + (this.#taken % PRIVATE_SPAN)
      this.#taken += spaceOf(buffer as SharedArrayBuffer)
      this.#hidden.set(buffer, base)
    }
    return { ...known, base: base + slots.byteOffset.call(array), length: slots.length.call(array) }
  }

  /** Undefined for what is no integer typed array: the engine knows what to throw. */
  of(array: unknown): Known | undefined {
    if (array === this.#lastArray) return this.#last
    if (typeof array !== 'object' || array === null) return undefined
    const known = this.#known.get(array) ?? this.#learn(array)
    this.#lastArray = array
    this.#last = known
    return known
  }

  /** The buffer and the offset in it. */
  locate(address: number): { readonly buffer: SharedArrayBuffer; readonly offset: number } | undefined {
    const n = this.#starts.findLastIndex(start => start <= address)
    if (n < 0 || address >= this.#end) return undefined
    return { buffer: this.#buffers[n], offset: address - this.#starts[n] }
  }

  /** A view of the cell of that width: whoever carries out a store that another thread delayed has no array of its. */
  cellsAt(address: number, bytes: number): { readonly cells: Int32Array; readonly index: number } {
    const { buffer, offset } = this.locate(address)!
    const views = this.#views.get(buffer) ?? new Map<number, Int32Array>()
    this.#views.set(buffer, views)
    const type = bytes === 1 ? Int8Array : bytes === 2 ? Int16Array : bytes === 4 ? Int32Array : BigInt64Array
    const cells =
      views.get(bytes) ??
      (new type(buffer as unknown as ArrayBuffer, 0, Math.floor(buffer.byteLength / bytes)) as unknown as Int32Array)
    views.set(bytes, cells)
    return { cells, index: offset / bytes }
  }

  #learn(array: object): Known | undefined {
    const type = typeOf(array)
    if (type === undefined) return undefined
    const buffer = slots.buffer.call(array)
    const base = this.#bases.get(buffer)
    const isShared = buffer instanceof SharedArrayBuffer
    const known: Known = {
      base: base !== undefined ? base + slots.byteOffset.call(array) : isShared ? this.#private : 0,
      length: slots.length.call(array),
      bytes: type.BYTES_PER_ELEMENT,
      scratch: new type(1),
      big: type === BigInt64Array || type === BigUint64Array,
      ours: base !== undefined,
    }
    this.#known.set(array, known)
    return known
  }
}

/** By what the engine itself says the array is, whatever its prototype. */
function typeOf(array: object): (typeof INTEGERS)[keyof typeof INTEGERS] | undefined {
  return ArrayBuffer.isView(array) ? INTEGERS[String(slots.type.call(array)) as keyof typeof INTEGERS] : undefined
}

const getter = <T>(name: string | symbol): (() => T) =>
  Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Int8Array.prototype), name)!.get!
const slots = {
  type: getter<string | undefined>(Symbol.toStringTag),
  buffer: getter<ArrayBufferLike>('buffer'),
  byteOffset: getter<number>('byteOffset'),
  length: getter<number>('length'),
}
/** The arrays that `Atomics` takes, by what the engine calls them. */
export const INTEGERS = {
  Int8Array,
  Uint8Array,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  BigInt64Array,
  BigUint64Array,
}
