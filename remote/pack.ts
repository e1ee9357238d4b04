/**
 * What a guest left behind as one compressed file, and back. It begins with a line of JSON that lists paths and sizes;
 * the contents follow in that order. There is nothing in it but files: no links, no modes, no absolute paths to refuse.
 */
import {
  closeSync,
  createReadStream,
  createWriteStream,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import * as v from 'valibot'

const MIB = 1 << 20
/** What is received from a host may not be larger; an agent keeps to it. */
export const LIMITS = { archive: 256 * MIB, unpacked: 1024 * MIB, files: 4000, header: MIB }
/** Of a log that is longer only the end is kept. */
const LONGEST_LOG = 32 * MIB

/** What a guest writes: nothing else is taken from a host. */
const KNOWN = /^((command|verdict)\.json|console\.log|stats\.jsonl|failures\/\d{1,6}\/[a-z][a-z-]{0,40}\.json)$/
const LOG = /\.(log|jsonl)$/

const header = v.pipe(
  v.array(
    v.object({
      path: v.pipe(v.string(), v.regex(KNOWN, 'no file that a guest writes')),
      size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
    }),
  ),
  v.maxLength(LIMITS.files),
)

/** An archive that is damaged, or was not made by an agent. */
export class PackError extends Error {
  override readonly name = 'PackError'
}

/**
 * Packs the folder of a guest that has ended. What a guest does not write stays out, and so does the beginning of a log
 * that is too long.
 */
export async function pack(folder: string, file: string): Promise<void> {
  const entries = filesIn(folder).map(path => {
    const { size } = statSync(join(folder, path))
    const skip = LOG.test(path) ? Math.max(0, size - LONGEST_LOG) : 0
    return { path, skip, size: size - skip }
  })
  async function* contents() {
    yield `${JSON.stringify(entries.map(({ path, size }) => ({ path, size })))}\n`
    for (const { path, skip, size } of entries) {
      if (size > 0) yield* createReadStream(join(folder, path), { start: skip, end: skip + size - 1 })
    }
  }
  await pipeline(contents(), createGzip({ level: 3 }), createWriteStream(file))
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry =>
      join(entry.parentPath ?? entry.path, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    )
    .filter(path => KNOWN.test(path))
    .sort()
    .slice(0, LIMITS.files)
}

/**
 * Unpacks what a host sent, into a folder that is made for it and in which nothing is but what comes out.
 * @throws PackError where the archive is damaged, too large, or names anything that a guest does not write
 */
export async function unpack(file: string, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const writer = new Writer(folder)
  try {
    await pipeline(createReadStream(file), createGunzip(), taking(writer))
    writer.end()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    // Errors of zlib have a code of theirs; those of the file system are ours to tell.
    if (code?.startsWith('Z_') || code === 'ERR_STREAM_PREMATURE_CLOSE')
      throw new PackError(`damaged: ${message}`, { cause: error })
    throw error
  } finally {
    writer.close()
  }
}

function taking(writer: Writer): Writable {
  let seen = 0
  return new Writable({
    write(bytes: Buffer, _encoding, done) {
      try {
        seen += bytes.length
        if (seen > LIMITS.unpacked) throw new PackError(`it unpacks to more than ${LIMITS.unpacked / MIB} MiB`)
        writer.take(bytes)
        done()
      } catch (error) {
        done(error as Error)
      }
    },
  })
}

/** Writes the files one after the other as the bytes come. */
class Writer {
  readonly #folder: string
  #head: Buffer | undefined = Buffer.alloc(0)
  #left: { readonly path: string; readonly size: number }[] = []
  #open: { readonly fd: number; left: number } | undefined

  constructor(folder: string) {
    this.#folder = folder
  }

  take(bytes: Buffer): void {
    let rest = bytes
    if (this.#head !== undefined) {
      const end = rest.indexOf(10)
      this.#head = Buffer.concat([this.#head, end < 0 ? rest : rest.subarray(0, end)])
      if (this.#head.length > LIMITS.header) throw new PackError('its list of files is too long')
      if (end < 0) return
      this.#left = parseHeader(this.#head.toString('utf8'))
      this.#head = undefined
      rest = rest.subarray(end + 1)
    }
    this.#next()
    while (rest.length > 0) {
      if (this.#open === undefined) throw new PackError('it holds more than it lists')
      const part = rest.subarray(0, this.#open.left)
      writeAll(this.#open.fd, part)
      this.#open.left -= part.length
      rest = rest.subarray(part.length)
      this.#next()
    }
  }

  /** Goes on to the next file that is not empty. */
  #next(): void {
    while (this.#open === undefined || this.#open.left === 0) {
      this.close()
      const entry = this.#left.shift()
      if (entry === undefined) return
      const path = join(this.#folder, entry.path)
      mkdirSync(dirname(path), { recursive: true })
      // Exclusive: a path listed twice, or anything in the way, is an error.
      this.#open = { fd: openSync(path, 'wx'), left: entry.size }
    }
  }

  end(): void {
    if (this.#head !== undefined || this.#open !== undefined || this.#left.length > 0)
      throw new PackError('it holds less than it lists')
  }

  close(): void {
    if (this.#open !== undefined) closeSync(this.#open.fd)
    this.#open = undefined
  }
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
}

function parseHeader(text: string): { path: string; size: number }[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new PackError('its list of files is damaged')
  }
  const checked = v.safeParse(header, value)
  if (!checked.success) throw new PackError(`its list of files is refused: ${checked.issues[0].message}`)
  const paths = checked.output.map(({ path }) => path)
  if (new Set(paths).size < paths.length) throw new PackError('it lists a file twice')
  return checked.output
}
