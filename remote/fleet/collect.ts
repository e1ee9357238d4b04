/**
 * What comes in from hosts. Nothing of it is believed: it is written to a place of its own, and only what is whole,
 * is what was announced, and holds nothing but a guest's files is unpacked, there too.
 */
import { createHash, type Hash } from 'node:crypto'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { LIMITS, PackError, unpack } from '../pack.ts'
import { type Archive, ProtocolError } from '../protocol.ts'

/** Beside the instances: a leading dot is no instance's name. */
const INCOMING = '.incoming'

interface Parcel {
  readonly archive: Archive
  readonly folder: string
  readonly fd: number
  readonly hash: Hash
  bytes: number
}

export class Collector {
  readonly #folder: string
  readonly #parcels = new Map<string, Parcel>()
  #made = 0

  /** @param runDir what an earlier driver had received in part is removed */
  constructor(runDir: string) {
    this.#folder = join(runDir, INCOMING)
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /**
   * A result was announced; again, after the link was cut.
   * @returns how much of it is here
   * @throws ProtocolError where it is larger than any, or another one than before
   */
  expect(attempt: string, archive: Archive): number {
    if (archive.bytes > LIMITS.archive)
      throw new ProtocolError(`a result of ${archive.bytes} bytes, more than the ${LIMITS.archive} allowed`)
    const known = this.#parcels.get(attempt)
    if (known !== undefined) {
      if (known.archive.sha256 === archive.sha256 && known.archive.bytes === archive.bytes) return known.bytes
      throw new ProtocolError('a result that is another one than before')
    }
    const folder = join(this.#folder, String(++this.#made))
    mkdirSync(folder, { recursive: true })
    const fd = openSync(join(folder, 'archive.gz'), 'wx')
    this.#parcels.set(attempt, { archive, folder, fd, hash: createHash('sha256'), bytes: 0 })
    return 0
  }

  isExpected(attempt: string): boolean {
    return this.#parcels.has(attempt)
  }

  /**
   * A part has arrived.
   * @returns whether it is whole now
   * @throws ProtocolError where it is not the next one, more than announced, or in the end not what was announced
   */
  take(attempt: string, at: number, data: string): boolean {
    const parcel = this.#parcels.get(attempt)
    if (parcel === undefined) throw new ProtocolError('a result that nobody asked for')
    const bytes = Buffer.from(data, 'base64')
    if (bytes.length === 0) throw new ProtocolError("a result's part with nothing in it")
    if (at !== parcel.bytes) throw new ProtocolError(`a result's part at ${at} where ${parcel.bytes} is next`)
    parcel.bytes += bytes.length
    if (parcel.bytes > parcel.archive.bytes) throw new ProtocolError('a result that is larger than announced')
    parcel.hash.update(bytes)
    for (let done = 0; done < bytes.length; ) done += writeSync(parcel.fd, bytes, done)
    if (parcel.bytes < parcel.archive.bytes) return false
    if (parcel.hash.digest('hex') !== parcel.archive.sha256)
      throw new ProtocolError('a result whose sha256 is not the one that was announced')
    return true
  }

  /**
   * Unpacks what is whole.
   * @param name of the guest's folder
   * @returns the folder that holds it
   * @throws ProtocolError where it is damaged, or holds what no guest writes
   */
  async open(attempt: string, name: string): Promise<string> {
    const { folder } = this.#parcels.get(attempt)!
    try {
      await unpack(join(folder, 'archive.gz'), join(folder, 'files', name))
    } catch (error) {
      if (error instanceof PackError) throw new ProtocolError(`a result that is refused: ${error.message}`)
      throw error
    }
    return join(folder, 'files')
  }

  drop(attempt: string): void {
    const parcel = this.#parcels.get(attempt)
    if (parcel === undefined) return
    this.#parcels.delete(attempt)
    closeSync(parcel.fd)
    rmSync(parcel.folder, { recursive: true, force: true })
  }

  close(): void {
    for (const attempt of [...this.#parcels.keys()]) this.drop(attempt)
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
