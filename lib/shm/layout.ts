/**
 * Named layouts of 32-bit cells. One declaration serves the accessors (offsets), the dumps and the names that reports
 * use for a cell: `vma[3].vm_lock_seq`.
 */

/** A cell of one word with its meaning and unit, several words, or another struct in place. */
export type FieldSpec =
  | string
  | { readonly words: number; readonly describe: string }
  | { readonly struct: StructOf<any>; readonly describe: string }

/** A field of a struct, for reports. */
export interface FieldInfo {
  readonly name: string
  /** Offset from the object's base, in words. */
  readonly at: number
  readonly words: number
  readonly describe: string
}

/** A struct, for reports. */
export interface StructInfo {
  readonly name: string
  readonly words: number
  readonly fields: readonly FieldInfo[]
}

/** Under this key a layout keeps what reports need. */
const INFO = Symbol('struct')

/** The offsets of the fields, in words: `Atomics.load(w, vma + VMA.vm_lock_seq)`. */
export type StructOf<F> = { readonly [K in keyof F]: number } & { readonly [INFO]: StructInfo }

/** Declares a struct. Fields lie in the order given, without padding. */
export function struct<const F extends Readonly<Record<string, FieldSpec>>>(name: string, fields: F): StructOf<F> {
  const offsets: Record<string, number> = {}
  const infos: FieldInfo[] = []
  let at = 0
  for (const [field, spec] of Object.entries(fields)) {
    offsets[field] = at
    if (typeof spec === 'string') infos.push({ name: field, at, words: 1, describe: spec })
    else if ('words' in spec) infos.push({ name: field, at, words: spec.words, describe: spec.describe })
    else {
      for (const inner of infoOf(spec.struct).fields)
        infos.push({ ...inner, name: `${field}.${inner.name}`, at: at + inner.at })
    }
    at += typeof spec === 'string' ? 1 : 'words' in spec ? spec.words : infoOf(spec.struct).words
  }
  return { ...offsets, [INFO]: { name, words: at, fields: infos } } as StructOf<F>
}

/** Names and meanings of a layout's fields. */
export function infoOf(layout: StructOf<any>): StructInfo {
  return layout[INFO]
}
