/** How files of a run store are read and written: replaced whole or not at all, read with a bound, errors in one line. */
import {
  appendFileSync,
  closeSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** `full`, `denied`, `io`: the machine's fault. `missing`, `damaged`, `id`: what was asked for is not there. */
export type StoreErrorKind = 'full' | 'denied' | 'io' | 'missing' | 'damaged' | 'id'

/** Something is wrong with a run store. The message is one line that says what, where, and what to do next. */
export class StoreError extends Error {
  readonly kind: StoreErrorKind
  /** As in docs/results.md: 3 where the machine failed, 2 where the input is bad. */
  readonly exitCode: 2 | 3

  constructor(kind: StoreErrorKind, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StoreError'
    this.kind = kind
    this.exitCode = kind === 'full' || kind === 'denied' || kind === 'io' ? 3 : 2
  }
}

const WRONG: Readonly<Record<string, readonly [StoreErrorKind, string]>> = {
  ENOSPC: [
    'full',
    'the disk is full: free some space; what finished is intact, and "torture rerun" completes a run that was cut off',
  ],
  EDQUOT: ['full', 'your disk quota is used up: free some space; "torture rerun" completes a run that was cut off'],
  EACCES: ['denied', 'permission denied: choose another folder with --results DIR'],
  EPERM: ['denied', 'not permitted: choose another folder with --results DIR'],
  EROFS: ['denied', 'the file system is read-only: choose another folder with --results DIR'],
  ENOTDIR: ['denied', 'a file is in the way of a folder: choose another folder with --results DIR'],
  EEXIST: ['denied', 'a file is in the way of a folder: choose another folder with --results DIR'],
  EMFILE: ['io', 'too many open files: raise "ulimit -n"'],
  ENOENT: ['missing', 'it is gone: was the results folder removed while the run went on?'],
}

/** Turns an error of the file system into one line. Anything else is returned as it is. */
export function storeError(error: unknown, doing: string): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code
  if (error instanceof StoreError || code === undefined) return error
  const [kind, advice] = WRONG[code] ?? ['io', 'look at the disk, or choose another folder with --results DIR']
  return new StoreError(kind, `cannot ${doing} (${code}): ${advice}`, { cause: error })
}

/** Does something with the file system; fails with one line. */
export function guarded<T>(doing: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    throw storeError(error, doing)
  }
}

/**
 * Replaces a file whole: a reader sees the old text or the new one, whenever the writer dies. It is not synced: a
 * power cut may cost the last seconds, and the damaged file is then named and skipped.
 */
export function replaceFile(path: string, text: string): void {
  const draft = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`)
  try {
    writeFileSync(draft, text)
    renameSync(draft, path)
  } catch (error) {
    rmSync(draft, { force: true })
    throw storeError(error, `write ${path}`)
  }
}

export function replaceJson(path: string, value: unknown): void {
  replaceFile(path, `${JSON.stringify(value, null, 2)}\n`)
}

const PAUSE_MS = 20
const REMOVING_MS = 3000
/** What it is to remove a folder while somebody writes into it, or removes it as well. */
const CHANGING: readonly (string | undefined)[] = ['ENOTEMPTY', 'EEXIST', 'EBUSY', 'ENOENT']

/**
 * Removes a folder with all that is in it, if it is there. Whoever wrote there may just be ending, and write for another
 * moment: it is tried again until nobody does.
 * @throws what the file system says, at the latest after three seconds
 */
export function removeFolder(path: string): void {
  for (const until = performance.now() + REMOVING_MS; ; ) {
    try {
      rmSync(path, { recursive: true, force: true })
      return
    } catch (error) {
      if (performance.now() > until || !CHANGING.includes((error as NodeJS.ErrnoException).code)) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)
    }
  }
}

/** Appends one line. If the writer dies in the middle, the torn line is the last one, and readers skip it. */
export function appendLine(path: string, value: unknown): void {
  guarded(`write ${path}`, () => appendFileSync(path, `${JSON.stringify(value)}\n`))
}

/**
 * The text of a file, or undefined where there is none.
 * @param limit most bytes that a file of this kind may have; a larger one is damaged
 */
export function readBounded(path: string, limit: number): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return undefined
  if (!stat.isFile()) throw new StoreError('damaged', `${path} is not a file`)
  if (stat.size > limit)
    throw new StoreError('damaged', `${path} has ${stat.size} bytes, more than the ${limit} allowed`)
  return guarded(`read ${path}`, () => readFileSync(path, 'utf8'))
}

/** The end of a file, at most `bytes` of it, from the start of a line on; empty where there is no such file. */
export function readTail(path: string, bytes: number): string {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (size === 0) return ''
  return guarded(`read ${path}`, () => {
    const buffer = Buffer.alloc(Math.min(size, bytes))
    const file = openSync(path, 'r')
    try {
      const read = readSync(file, buffer, 0, buffer.length, size - buffer.length)
      const text = buffer.toString('utf8', 0, read)
      return size <= bytes ? text : text.slice(text.indexOf('\n') + 1)
    } finally {
      closeSync(file)
    }
  })
}
