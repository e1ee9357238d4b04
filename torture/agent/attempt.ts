/** An attempt at an instance, as its agent keeps it: a folder with the guest's, and a note of what it is. */
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pack } from '../../remote/pack.ts'
import { ARCHIVE, type Archive, type Ending } from '../../remote/protocol.ts'
import { removeFolder, replaceJson } from '../../results/files.ts'
import type { PlannedInstance } from '../../results/schema.ts'
import type { GuestProcess } from '../runner/guest-process.ts'

const ATTEMPTS = 'attempts'
const NOTE = 'attempt.json'

interface Note {
  readonly attempt: string
  readonly key: string
  readonly name: string
  /** Present when it has ended, and all of it can be fetched. */
  readonly ended?: { readonly ending: Ending; readonly archive: Archive }
}

export class Attempt {
  readonly folder: string
  #note: Note
  #guest: GuestProcess | undefined
  #stopped = false

  private constructor(folder: string, note: Note) {
    this.folder = folder
    this.#note = note
  }

  /** Makes its folder, with the note, so that a later agent knows what it is. @throws where the folder is there */
  static create(folder: string, attempt: string, key: string, instance: PlannedInstance): Attempt {
    mkdirSync(folder)
    const made = new Attempt(folder, { attempt, key, name: instance.name })
    replaceJson(join(folder, NOTE), made.#note)
    return made
  }

  /** The place of the next attempt in the folder of a run. */
  static freeFolder(runDir: string): string {
    const parent = join(runDir, ATTEMPTS)
    mkdirSync(parent, { recursive: true })
    let n = readdirSync(parent).length + 1
    while (existsSync(join(parent, String(n)))) n++
    return join(parent, String(n))
  }

  /** What an earlier agent of the run has left that can be fetched; its guests ended with it, and are removed. */
  static left(runDir: string): Attempt[] {
    const parent = join(runDir, ATTEMPTS)
    if (!existsSync(parent)) return []
    return readdirSync(parent).flatMap(n => {
      const attempt = Attempt.#read(join(parent, n))
      if (attempt?.ended !== undefined) return [attempt]
      removeFolder(join(parent, n))
      return []
    })
  }

  static #read(folder: string): Attempt | undefined {
    try {
      return new Attempt(folder, JSON.parse(readFileSync(join(folder, NOTE), 'utf8')))
    } catch {
      // Killed before it was written: nothing of it is known.
      return undefined
    }
  }

  get id(): string {
    return this.#note.attempt
  }

  get key(): string {
    return this.#note.key
  }

  get ended(): Note['ended'] {
    return this.#note.ended
  }

  begin(guest: GuestProcess): void {
    this.#guest = guest
    if (this.#stopped) guest.stop()
  }

  /** Asks the guest for an orderly end, also one that is only about to start. */
  stop(): void {
    this.#stopped = true
    this.#guest?.stop()
  }

  kill(): void {
    this.#guest?.kill()
  }

  /** Packs what the guest left. Only then it has ended: whoever is killed before begins anew. */
  async end(ending: Ending): Promise<void> {
    const file = join(this.folder, ARCHIVE)
    await pack(join(this.folder, this.#note.name), file)
    const hash = createHash('sha256')
    for await (const bytes of createReadStream(file)) hash.update(bytes as Buffer)
    const archive = { bytes: statSync(file).size, sha256: hash.digest('hex') }
    this.#note = { ...this.#note, ended: { ending, archive } }
    this.#guest = undefined
    replaceJson(join(this.folder, NOTE), this.#note)
  }

  read(from: number, chunkBytes: number): AsyncIterable<Buffer> {
    return createReadStream(join(this.folder, ARCHIVE), { start: from, highWaterMark: chunkBytes })
  }

  remove(): void {
    this.kill()
    removeFolder(this.folder)
  }
}
