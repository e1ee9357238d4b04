/**
 * Addresses of cells: the shared buffers one after the other, in the order in which a walk through what `setup` returned
 * meets them, so that all threads give a cell the same number.
 */

/** Below lie what is no cell of anybody. */
const FIRST = 64
export const CLOCK_ADDRESS = 8
/** Memory that `setup` did not return belongs to one thread, as far as can be known. */
const PRIVATE = 0x40000000
const PRIVATE_SPAN = 1 << 24

const roundUp = (bytes: number) => Math.ceil(bytes / 64) * 64

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
  /** Address of its first element; 0: it is not shared, and nobody else sees what happens in it. */
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
  readonly #starts: number[] = []
  readonly #views = new Map<SharedArrayBuffer, Map<number, Int32Array>>()
  readonly #buffers: SharedArrayBuffer[] = []
  readonly #private: number
  #privates = 0
  #end = FIRST

  constructor(thread: number) {
    this.#private = PRIVATE + thread * PRIVATE_SPAN
  }

  /** Gives the buffers their places. Throws RangeError if they are too large to be told apart. */
  place(buffers: readonly SharedArrayBuffer[]): void {
    for (const buffer of buffers) {
      this.#starts.push(this.#end)
      this.#buffers.push(buffer)
      this.#bases.set(buffer, this.#end)
      this.#end += roundUp(buffer.byteLength)
    }
    if (this.#end > PRIVATE) throw new RangeError('more than 1 GiB of shared memory cannot be explored')
  }

  /** Other objects over the same memory: what `setup` itself holds, before it travelled. */
  alias(buffers: readonly SharedArrayBuffer[]): void {
    for (const [n, buffer] of buffers.entries()) this.#bases.set(buffer, this.#starts[n])
  }

  static span(buffers: readonly SharedArrayBuffer[]): number {
    return buffers.reduce((end, buffer) => end + roundUp(buffer.byteLength), FIRST)
  }

  /** Undefined for what is no integer typed array: the engine knows what to throw. */
  of(array: unknown): Known | undefined {
    if (typeof array !== 'object' || array === null) return undefined
    return this.#known.get(array) ?? this.#learn(array)
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
    const known: Known = {
      base: buffer instanceof SharedArrayBuffer ? this.#baseOf(buffer) + slots.byteOffset.call(array) : 0,
      length: slots.length.call(array),
      bytes: type.BYTES_PER_ELEMENT,
      scratch: new type(1),
      big: type === BigInt64Array || type === BigUint64Array,
      ours: this.#starts.includes(this.#bases.get(buffer) ?? -1),
    }
    this.#known.set(array, known)
    return known
  }

  #baseOf(buffer: SharedArrayBuffer): number {
    const known = this.#bases.get(buffer)
    if (known !== undefined) return known
    const base = this.#private + (this.#privates % PRIVATE_SPAN)
    this.#privates += roundUp(buffer.byteLength)
    this.#bases.set(buffer, base)
    return base
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
