/**
 * What travels to a host: the text that a bundle's hash is made of, compressed once for all hosts. There is no archive
 * format in between, so nothing but files can arrive, and what arrives hashes to the bundle's name or is refused.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { BundleSource } from './carrier.ts'
import { listFiles } from './host/bundles.ts'

export interface Packed {
  readonly bytes: Buffer
}

interface Packing {
  readonly packed: Promise<Buffer>
  users: number
}

const LEVEL = 6
const packings = new Map<string, Packing>()

/** Does something with the compressed text of a bundle, which is kept while anybody needs it. */
export async function withPacked<T>(bundle: BundleSource, use: (packed: Buffer) => Promise<T>): Promise<T> {
  const packing = packings.get(bundle.hash) ?? { packed: pack(bundle.dir), users: 0 }
  packings.set(bundle.hash, packing)
  packing.users++
  try {
    return await use(await packing.packed)
  } finally {
    if (--packing.users === 0) packings.delete(bundle.hash)
  }
}

async function pack(dir: string): Promise<Buffer> {
  const parts: Buffer[] = []
  for (const path of listFiles(dir)) {
    const contents = await readFile(join(dir, path))
    parts.push(Buffer.from(`${path}\0${contents.length}\0`), contents)
  }
  return promisify(gzip)(Buffer.concat(parts), { level: LEVEL })
}

/** What a bundle takes on a disk, in bytes. */
export async function sizeOfBundle({ dir }: BundleSource): Promise<number> {
  const { stat } = await import('node:fs/promises')
  let bytes = 0
  for (const path of listFiles(dir)) bytes += Math.ceil((await stat(join(dir, path))).size / BLOCK) * BLOCK
  return bytes
}

const BLOCK = 4096
