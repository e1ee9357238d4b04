/**
 * What `setup` returned: plain data and typed arrays over shared memory. It travels to every thread in one message,
 * and tiny rounds need copies of it over buffers of their own.
 */

type Visit = (value: object, path: string) => void

/** Visits every object once, in an order that depends on the data only: all threads number the buffers alike. */
export function walk(value: unknown, path: string, visit: Visit, seen = new Set<unknown>()): void {
  if (typeof value === 'function') throw new TypeError(`${path} is a function`)
  if (typeof value === 'symbol') throw new TypeError(`${path} is a symbol`)
  if (typeof value !== 'object' || value === null || seen.has(value)) return
  seen.add(value)
  visit(value, path)
  if (value instanceof SharedArrayBuffer || value instanceof ArrayBuffer) return
  if (ArrayBuffer.isView(value)) {
    walk(value.buffer, `${path}.buffer`, visit, seen)
  } else if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) walk(value[i], `${path}[${i}]`, visit, seen)
  } else if (value instanceof Map) {
    for (const [key, entry] of value) walk(entry, `${path}.get(${String(key)})`, visit, seen)
  } else if (value instanceof Set) {
    for (const entry of value) walk(entry, `${path}(…)`, visit, seen)
  } else {
    for (const key of Object.keys(value)) walk((value as Record<string, unknown>)[key], `${path}.${key}`, visit, seen)
  }
}

/** Throws a TypeError that names the path of what cannot travel. */
export function refuseUnshareable(shared: unknown): void {
  walk(shared, 'shared', (value, path) => {
    const buffer = value as { growable?: boolean; resizable?: boolean }
    if (value instanceof SharedArrayBuffer && buffer.growable)
      throw new TypeError(
        `${path} is a growable SharedArrayBuffer: its image cannot be restored; give it its full size`,
      )
    if (value instanceof Promise || value instanceof WeakMap || value instanceof WeakSet)
      throw new TypeError(`${path} is a ${value.constructor.name}: it cannot be sent to a thread`)
  })
}

/** All shared buffers, in the order of the walk: the number of a buffer in reports and in copies. */
export function buffersOf(shared: unknown): SharedArrayBuffer[] {
  const buffers: SharedArrayBuffer[] = []
  walk(shared, 'shared', value => {
    if (value instanceof SharedArrayBuffer) buffers.push(value)
  })
  return buffers
}

/** Buffers by number and copy, so that a word that is awaited or spun on can be named by whoever has the same buffers. */
export type BufferNumbers = WeakMap<object, { readonly buffer: number; readonly copy: number }>

/** The number of a buffer that is not part of what `setup` returned. */
export const UNKNOWN_BUFFER = 0x7ffffff

/** The same data over other buffers: `replacements[i]` stands in for buffer i of the walk. */
export function rebind<S>(shared: S, replacements: readonly SharedArrayBuffer[]): S {
  const done = new Map<unknown, unknown>(buffersOf(shared).map((buffer, i) => [buffer, replacements[i]]))
  const copy = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value
    if (done.has(value)) return done.get(value)
    if (ArrayBuffer.isView(value)) return keep(value, rebindView(value, copy(value.buffer) as ArrayBuffer))
    if (Array.isArray(value)) return fill(value, [])
    if (value instanceof Map) {
      const map = keep(value, new Map())
      for (const [key, entry] of value) map.set(key, copy(entry))
      return map
    }
    if (value instanceof Set) {
      const set = keep(value, new Set())
      for (const entry of value) set.add(copy(entry))
      return set
    }
    const plain = Object.getPrototypeOf(value) === Object.prototype
    return plain ? fill(value, {}) : keep(value, structuredClone(value))
  }
  const keep = <T>(original: object, twin: T): T => {
    done.set(original, twin)
    return twin
  }
  const fill = (original: object, twin: object): object => {
    keep(original, twin)
    for (const [key, entry] of Object.entries(original)) (twin as Record<string, unknown>)[key] = copy(entry)
    return twin
  }
  return copy(shared) as S
}

function rebindView(view: ArrayBufferView, buffer: ArrayBuffer): ArrayBufferView {
  const make = view.constructor as new (buffer: ArrayBuffer, offset: number, length: number) => ArrayBufferView
  const length = view instanceof DataView ? view.byteLength : (view as Int32Array).length
  return new make(buffer, view.byteOffset, length)
}
