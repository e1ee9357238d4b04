/**
 * Names of shared cells in reports: `vma[3].vm_lock_seq` where a layout of `lib/shm` is attached, otherwise the path
 * in what `setup` returned, `ring.slots[7]`. Pure: used by the watchdog, by failures and by the explorer.
 */
import { walk } from '../shared.ts'

interface Field {
  readonly name: string
  readonly at: number
  readonly words: number
  readonly describe?: string
}
interface Region {
  readonly name: string
  readonly base: number
  readonly stride: number
  readonly count: number
  readonly fields: readonly Field[]
}
interface ArenaImage {
  readonly $arena: 1
  readonly words: Int32Array
  readonly regions: readonly Region[]
}

interface View {
  readonly path: string
  readonly array: Int32Array
  readonly from: number
  readonly to: number
}

export interface Cell {
  readonly name: string
  readonly value: number
}

export class CellNames {
  readonly #views = new Map<ArrayBufferLike, View[]>()
  readonly #arenas = new Map<ArrayBufferLike, ArenaImage[]>()
  /** Memory whose cells have no size: buffers by themselves, and data views. */
  readonly #bytes = new Map<ArrayBufferLike, Pick<View, 'path' | 'from' | 'to'>[]>()

  constructor(shared: unknown) {
    walk(shared, '', (value, path) => {
      if (isArena(value)) append(this.#arenas, value.words.buffer, value)
      else if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
        const { byteOffset: from, byteLength } = value
        const view = { path: path.slice(1) || 'shared', array: value as Int32Array, from, to: from + byteLength }
        append(this.#views, value.buffer, view)
      } else if (value instanceof SharedArrayBuffer || value instanceof DataView) {
        const [buffer, from] = value instanceof DataView ? [value.buffer, value.byteOffset] : [value, 0]
        append(this.#bytes, buffer, { path: path.slice(1) || 'shared', from, to: from + value.byteLength })
      }
    })
  }

  /** The name of the cell at a byte offset of a buffer; undefined for memory that is not part of what was shared. */
  name(buffer: ArrayBufferLike, byteOffset: number): string | undefined {
    return this.#laidOut(buffer, byteOffset)?.name ?? this.#viewed(buffer, byteOffset) ?? this.#byte(buffer, byteOffset)
  }

  /** What the layout says about the cell, its unit included. */
  describe(buffer: ArrayBufferLike, byteOffset: number): string | undefined {
    return this.#laidOut(buffer, byteOffset)?.describe
  }

  /** Named cells that are not zero, at most `limit`: what locks and counters held when everything stood still. */
  dump(limit: number): Cell[] {
    const cells: Cell[] = []
    const add = (name: string, value: number) => {
      if (value !== 0 && cells.length < limit) cells.push({ name, value })
    }
    // Regions of few objects first: locks and counters rather than page contents.
    const regions = [...this.#arenas.values()].flat().flatMap(arena => arena.regions.map(region => ({ arena, region })))
    regions.sort((a, b) => a.region.count - b.region.count)
    for (const { arena, region } of regions) {
      for (let i = 0; i < region.count && cells.length < limit; i++) {
        for (const field of region.fields) {
          const at = region.base + i * region.stride + field.at
          for (let w = 0; w < field.words; w++) add(cellName(region, i, field, w), Atomics.load(arena.words, at + w))
        }
      }
    }
    for (const [buffer, views] of this.#views) {
      if (this.#arenas.has(buffer) || !(buffer instanceof SharedArrayBuffer)) continue
      for (const { path, array } of views)
        for (let i = 0; i < array.length && cells.length < limit; i++) add(`${path}[${i}]`, Number(array[i]))
    }
    return cells
  }

  #laidOut(buffer: ArrayBufferLike, byteOffset: number): { name: string; describe?: string | undefined } | undefined {
    for (const arena of this.#arenas.get(buffer) ?? []) {
      const word = Math.floor((byteOffset - arena.words.byteOffset) / 4)
      for (const region of arena.regions) {
        const inside = word - region.base
        if (inside < 0 || inside >= region.count * region.stride) continue
        const index = Math.floor(inside / region.stride)
        const at = inside % region.stride
        const field = region.fields.find(f => f.at <= at && at < f.at + f.words)
        if (field === undefined) return { name: `${objectName(region, index)}+${at}` }
        return { name: cellName(region, index, field, at - field.at), describe: field.describe }
      }
    }
    return undefined
  }

  /** The narrowest view that has the cell: a subarray says more than the whole. */
  #viewed(buffer: ArrayBufferLike, byteOffset: number): string | undefined {
    let best: View | undefined
    for (const view of this.#views.get(buffer) ?? []) {
      if (byteOffset < view.from || byteOffset >= view.to) continue
      if (best === undefined || view.to - view.from < best.to - best.from) best = view
    }
    return best && `${best.path}[${Math.floor((byteOffset - best.from) / best.array.BYTES_PER_ELEMENT)}]`
  }

  #byte(buffer: ArrayBufferLike, byteOffset: number): string | undefined {
    const found = this.#bytes.get(buffer)?.find(({ from, to }) => from <= byteOffset && byteOffset < to)
    return found && `${found.path}+${byteOffset - found.from}`
  }
}

const objectName = (region: Region, index: number): string =>
  region.count === 1 ? region.name : `${region.name}[${index}]`

function cellName(region: Region, index: number, field: Field, word: number): string {
  const name = `${objectName(region, index)}.${field.name}`
  return field.words === 1 ? name : `${name}[${word}]`
}

function isArena(value: object): value is ArenaImage {
  const arena = value as Partial<ArenaImage>
  return arena.$arena === 1 && arena.words instanceof Int32Array && Array.isArray(arena.regions)
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list) list.push(value)
  else map.set(key, [value])
}
