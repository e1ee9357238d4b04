/**
 * What a bundle keeps for people and Node never loads: the package's sources, and the maps of what is compiled from them.
 * That is two of three files, so they lie in one, compressed: a bundle is hashed at each start and unpacked on each host,
 * and what both cost is the number of files. The user's own sources and maps are few, and lie as files for debuggers.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { type Files, filesOf, textOfFiles } from '../../results/bundle-text.ts'

/** In the folder of a bundle. Those of schema 1 have none: there everything is a file. */
const KEPT = 'sources.gz'

/** @returns where it lies in the bundle, and its contents */
export const packKept = (files: Files): [path: string, contents: Buffer] => [KEPT, gzipSync(textOfFiles(files))]

/** Of the files of a bundle, those that it keeps, and all others. Where nothing is packed it keeps nothing. */
export function unpackKept(files: Files): { readonly kept: Files; readonly others: Files } {
  const others = new Map(files)
  others.delete(KEPT)
  return { kept: new Map(unpack(files.get(KEPT))), others }
}

/** Reads what a bundle keeps, by its path in the bundle; undefined where there is no such thing. */
export type Kept = (path: string) => Buffer | undefined

export function keptIn(dir: string): Kept {
  let packed: Files | undefined
  return path => {
    packed ??= new Map(unpack(read(join(dir, KEPT))))
    return (packed.get(path) as Buffer | undefined) ?? read(join(dir, path))
  }
}

const unpack = (archive: Uint8Array | undefined) => (archive === undefined ? [] : filesOf(gunzipSync(archive)))

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch {
    // Not there, or closed to us: for whoever wants to show or compare it both are the same.
    return undefined
  }
}
