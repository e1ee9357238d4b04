/**
 * What travels to a host: the text that a bundle's hash is made of, compressed once for all hosts. There is no archive
 * format in between, so nothing but files can arrive, and what arrives hashes to the bundle's name or is refused.
 */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { listFiles, textOfFolder } from '../results/bundle-text.ts'
import type { BundleSource, StoredBundle } from './carrier.ts'

const LEVEL = 6

interface Made {
  readonly thing: Promise<unknown>
  users: number
}

const made = new Map<string, Made>()

/** Makes a thing once for all who need it at the same time, and forgets it afterwards. */
export async function shared<T, R>(key: string, make: () => Promise<T>, use: (thing: T) => Promise<R>): Promise<R> {
  const entry = made.get(key) ?? { thing: make(), users: 0 }
  made.set(key, entry)
  entry.users++
  try {
    return await use((await entry.thing) as T)
  } finally {
    if (--entry.users === 0) made.delete(key)
  }
}

/** Does something with the compressed text of a bundle. */
export const withPacked = <R>({ hash, dir }: BundleSource, use: (packed: Buffer) => Promise<R>): Promise<R> =>
  shared(hash, async () => pack(await dir), use)

const pack = (dir: string): Promise<Buffer> => promisify(gzip)(textOfFolder(dir), { level: LEVEL })

const BLOCK = 4096
const sizes = new Map<string, number>()

/** What a bundle takes on a disk, in bytes. */
export function sizeOfBundle({ hash, dir }: StoredBundle): number {
  let bytes = sizes.get(hash)
  if (bytes === undefined) {
    const blocks = listFiles(dir).map(path => Math.ceil(statSync(join(dir, path)).size / BLOCK))
    bytes = BLOCK * blocks.reduce((sum, count) => sum + count, 0)
    sizes.set(hash, bytes)
  }
  return bytes
}
