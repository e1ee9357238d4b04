/**
 * Bundles on a host. What travels is the very text that a bundle's hash is made of. So what arrives is verified before it
 * is written; what lies on the disk, before it is used.
 */
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { filesOf, hashFolder, NoText } from '../../results/bundle-text.ts'
import { claimDirectory } from './directory.ts'
import { freeBytes } from './facts.ts'
import { BUNDLES } from './layout.ts'
import { Trouble, troubleOf, trying } from './problem.ts'

const INCOMING = '.incoming-'
/** Room that shall be left beside a bundle: results are to be written, too. */
const SPARE_BYTES = 1 << 20
const ABANDONED_MS = 86_400_000

export const bundleFolder = (directory: string, hash: string) => join(directory, BUNDLES, hash)

/** Whether a bundle is there, whole. One that was damaged is removed, so that it is sent again. */
export function hasBundle(directory: string, hash: string): boolean {
  const dir = bundleFolder(directory, hash)
  if (!existsSync(dir)) return false
  return trying(`use ${dir}`, () => {
    if (hashFolder(dir) !== hash) {
      rmSync(dir, { recursive: true, force: true })
      return false
    }
    // `torture hosts clean` spares what was used a moment ago.
    utimesSync(dir, new Date(), new Date())
    return true
  })
}

/**
 * Whether a bundle has to be sent.
 * @param bytes what it takes on the disk; undefined: nobody is about to send it
 * @throws Trouble where there is no room for it
 */
export function wantsBundle(directory: string, hash: string, bytes?: number): boolean {
  claimDirectory(directory)
  if (hasBundle(directory, hash)) return false
  if (bytes === undefined) return true
  const free = freeBytes(directory)
  if (free < bytes + SPARE_BYTES) {
    const mb = (n: number) => `${(n / 1e6).toFixed(1)} MB`
    throw new Trouble(
      'no-space',
      `${directory} has ${mb(free)} left and the bundle needs ${mb(bytes)}: torture hosts clean frees what old runs left`,
    )
  }
  trying(`make ${join(directory, BUNDLES)}`, () => mkdirSync(join(directory, BUNDLES), { recursive: true }))
  removeAbandoned(join(directory, BUNDLES))
  return true
}

/** What interrupted uploads left. The directory may be that of several hosts, whose processes cannot be asked. */
function removeAbandoned(folder: string): void {
  for (const name of readdirSync(folder).filter(name => name.startsWith(INCOMING))) {
    const [, pid, host] = /^\.incoming-[0-9a-f]+-(\d+)@(.*)$/.exec(name) ?? []
    const path = join(folder, name)
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
    if (age > ABANDONED_MS || (host === hostname() && !isAlive(Number(pid))))
      rmSync(path, { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** A bundle that is arriving: it is unpacked beside its place and takes that when it is whole. */
export class Arrival {
  readonly #directory: string
  readonly #hash: string
  readonly #draft: string

  constructor(directory: string, hash: string) {
    this.#directory = directory
    this.#hash = hash
    const name = `${INCOMING}${randomBytes(6).toString('hex')}-${process.pid}@${hostname()}`
    this.#draft = join(directory, BUNDLES, name)
  }

  /** @param text what the hash is made of, whole */
  complete(text: Buffer): void {
    const actual = createHash('sha256').update(text).digest('hex')
    if (actual !== this.#hash) throw new Trouble('damaged', `the bundle arrived damaged: it hashes to ${actual}`)
    try {
      const folders = new Set<string>()
      for (const [path, contents] of filesOf(text)) {
        const file = join(this.#draft, path)
        const folder = dirname(file)
        if (!folders.has(folder)) mkdirSync(folder, { recursive: true })
        folders.add(folder)
        writeFileSync(file, contents)
      }
      this.#settle()
    } catch (error) {
      if (error instanceof NoText) throw new Trouble('damaged', 'what arrived is no bundle', { cause: error })
      throw troubleOf(error, `store the bundle in ${this.#directory}`)
    } finally {
      this.abandon()
    }
  }

  #settle(): void {
    try {
      renameSync(this.#draft, bundleFolder(this.#directory, this.#hash))
    } catch (error) {
      // Another driver may have been first; what counts is that it is there and whole.
      if (!hasBundle(this.#directory, this.#hash)) throw error
    }
  }

  abandon(): void {
    rmSync(this.#draft, { recursive: true, force: true })
  }
}
