/**
 * An arena: all cells that threads share, in one SharedArrayBuffer of exactly the size needed, divided into named
 * regions of equal objects. The image is plain data, so it travels to the threads in one message.
 */
import { type FieldInfo, infoOf, type StructOf } from './layout.ts'

/** 64-byte cache lines: regions start on one, so that two regions never share a line by accident. */
export const LINE_WORDS = 16

/** What a cell holds after its object was freed; a thread that sees it reads what is not there any more. */
export const POISON = 0x5a5a5a5a

/** Equal objects, one after the other. */
export interface Region {
  readonly name: string
  /** Of the first object, in words; never 0, so that 0 can mean "none". */
  readonly base: number
  /** From one object to the next, in words. */
  readonly stride: number
  readonly count: number
  readonly fields: readonly FieldInfo[]
}

/** An arena as it travels: every thread sees the same words. */
export interface ArenaImage {
  /** Marks the object for tools that name cells. */
  readonly $arena: 1
  readonly words: Int32Array
  readonly regions: readonly Region[]
}

/** How a region is laid out. */
export interface RegionOptions {
  /** Gives each object cache lines of its own: for what different threads write often. */
  readonly ownLines?: boolean
  /** Further words behind the fields of each object. */
  readonly extraWords?: number
}

/** Reserves regions, then makes the memory that holds them all. */
export class ArenaBuilder {
  readonly #regions: Region[] = []
  #end = LINE_WORDS

  /** Reserves `count` objects of a layout. Throws RangeError on a count that is not a positive integer. */
  region(name: string, layout: StructOf<any>, count: number, options: RegionOptions = {}): Region {
    if (!Number.isSafeInteger(count) || count < 1) throw new RangeError(`region ${name}: ${count} objects`)
    const info = infoOf(layout)
    const words = info.words + (options.extraWords ?? 0)
    const stride = options.ownLines ? roundUp(words, LINE_WORDS) : words
    const region = { name, base: this.#end, stride, count, fields: info.fields }
    this.#end = roundUp(this.#end + stride * count, LINE_WORDS)
    if (this.#end > 2 ** 28) throw new RangeError(`the arena would exceed 1 GiB at region ${name}`)
    this.#regions.push(region)
    return region
  }

  build(): ArenaImage {
    return { $arena: 1, words: new Int32Array(new SharedArrayBuffer(this.#end * 4)), regions: this.#regions }
  }
}

/** Base of the n-th object, in words. */
export function objectAt(region: Region, n: number): number {
  return region.base + n * region.stride
}

/** Number of the object that begins at `base`. */
export function indexOf(region: Region, base: number): number {
  return (base - region.base) / region.stride
}

/** Name of a cell: `vma[3].vm_lock_seq`; for dumps and messages only. */
export function cellName(image: ArenaImage, word: number): string {
  for (const { name, base, stride, count, fields } of image.regions) {
    if (word < base || word >= base + stride * count) continue
    const object = count === 1 ? name : `${name}[${Math.floor((word - base) / stride)}]`
    const at = (word - base) % stride
    const field = fields.find(f => at >= f.at && at < f.at + f.words)
    if (!field) return `${object}+${at}`
    return field.words === 1 ? `${object}.${field.name}` : `${object}.${field.name}[${at - field.at}]`
  }
  return `word ${word}`
}

export function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit
}
