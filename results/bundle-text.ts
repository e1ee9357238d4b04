/**
 * The text of a bundle: for each of its files, in the order of their paths, the path, the length and the contents. Its
 * sha256 is the bundle's name, it is what travels to hosts, and sources are kept in one file as such a text.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export type Files = ReadonlyMap<string, Uint8Array>

/** The text is none, or one of its paths leads out of the folder that it is unpacked in. */
export class NoText extends Error {}

/** Files below a folder with `/` between names, in the order of the text. */
export function listFiles(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter(entry => !entry.isDirectory())
    .map(entry => join(entry.parentPath ?? entry.path, entry.name).slice(dir.length + 1))
    .map(path => path.replaceAll('\\', '/'))
    .sort()
}

/** sha256 of a folder's text. */
export const hashFolder = (dir: string): string => hashOf(listFiles(dir), path => readFileSync(join(dir, path)))

/** The same of files that are not on disk. */
export const hashFiles = (files: Files): string => hashOf([...files.keys()].sort(), path => files.get(path)!)

export const textOfFolder = (dir: string): Buffer => textOf(listFiles(dir), path => readFileSync(join(dir, path)))

export const textOfFiles = (files: Files): Buffer => textOf([...files.keys()].sort(), path => files.get(path)!)

/** @throws NoText before a file whose path would lead out of the folder */
export function* filesOf(text: Buffer): Generator<[path: string, contents: Buffer]> {
  for (let at = 0; at < text.length; ) {
    const name = text.indexOf(0, at)
    const size = text.indexOf(0, name + 1)
    const path = text.toString('utf8', at, name)
    const length = Number(text.toString('latin1', name + 1, size))
    const end = size + 1 + length
    if (name < 0 || size < 0 || !Number.isSafeInteger(length) || end > text.length || !staysInside(path)) {
      throw new NoText('not the text of a bundle')
    }
    yield [path, text.subarray(size + 1, end)]
    at = end
  }
}

function* partsOf(paths: readonly string[], contentsOf: (path: string) => Uint8Array): Generator<string | Uint8Array> {
  for (const path of paths) {
    const contents = contentsOf(path)
    yield `${path}\0${contents.length}\0`
    yield contents
  }
}

function hashOf(...files: Parameters<typeof partsOf>): string {
  const hash = createHash('sha256')
  for (const part of partsOf(...files)) hash.update(part)
  return hash.digest('hex')
}

const textOf = (...files: Parameters<typeof partsOf>): Buffer =>
  Buffer.concat(Array.from(partsOf(...files), part => (typeof part === 'string' ? Buffer.from(part) : part)))

const staysInside = (path: string) =>
  path.length > 0 && !path.includes('\\') && path.split('/').every(name => name !== '' && name !== '.' && name !== '..')
