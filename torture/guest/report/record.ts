/** What a guest leaves behind and tells its runner: the folder, the events, each kind of failure once. */
import { appendFileSync, fstatSync, mkdirSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { guarded, replaceJson } from '../../../results/files.ts'
import type { Failure, GuestEvent, InstanceResult, PlannedInstance, StatsLine } from '../../../results/schema.ts'
import { SCHEMA } from '../../../results/version.ts'
import { originalPositions } from '../../bundle/original.ts'
import { kindOf, MAX_FAILURE_KINDS } from './report.ts'
import type { Counts } from './tally.ts'

/** What is compiled lies side by side in the bundle's folder. */
const BUNDLE = dirname(fileURLToPath(import.meta.url))

/** The runner listens here, if there is one. */
const EVENTS_FD = 3
/** A full pipe is tried again for so long; statistics are dropped at once. */
const PATIENCE_MS = 500

/** A failure with further files of its folder, by name. */
export interface NewFailure {
  readonly oracle: string
  readonly message: string
  readonly thread: string
  readonly round: number
  readonly atMs: number
  readonly stack?: string
  readonly details?: unknown
}

export class Record {
  readonly folder: string
  readonly #instance: PlannedInstance
  readonly #listened: boolean
  readonly #failures = new Map<string, Failure>()

  /** @param runner the folder that the runner has made; undefined: run by hand, in a fresh folder */
  constructor(instance: PlannedInstance, runner: string | undefined) {
    this.#instance = instance
    this.folder = runner ?? freshFolder(instance.name)
    this.#listened = runner !== undefined && isPipe(EVENTS_FD)
  }

  get failures(): readonly Failure[] {
    return [...this.#failures.values()]
  }

  emit(event: GuestEvent): void {
    if (!this.#listened) return
    const line = Buffer.from(`${JSON.stringify(event)}\n`)
    const until = event.type === 'stats' ? 0 : performance.now() + PATIENCE_MS
    for (let at = 0; at < line.length; ) {
      try {
        at += writeSync(EVENTS_FD, line, at)
      } catch (error) {
        // A reader that is slow is waited for (once a line is begun, always); one that is gone shows on stdin.
        const full = (error as NodeJS.ErrnoException).code === 'EAGAIN'
        if (!full || (at === 0 && performance.now() > until)) return
      }
    }
  }

  stats(line: StatsLine): void {
    guarded(`write ${this.folder}`, () => appendFileSync(join(this.folder, 'stats.jsonl'), `${JSON.stringify(line)}\n`))
  }

  /** Keeps the first failure of its kind with the files that prove it. Returns it, or undefined if it is not new. */
  failure(fault: NewFailure, files: { readonly [name: string]: unknown }): Failure | undefined {
    const kind = kindOf(fault.oracle, fault.message)
    if (this.#failures.has(kind) || this.#failures.size >= MAX_FAILURE_KINDS) return undefined
    const number = this.#failures.size + 1
    const failure: Failure = {
      schema: SCHEMA,
      id: `${this.#instance.name}/failures/${number}`,
      seed: this.#instance.seed,
      ...fault,
      ...(fault.stack !== undefined && { stack: originalPositions(fault.stack, BUNDLE) }),
      count: 1,
    }
    this.#failures.set(kind, failure)
    const folder = join(this.folder, 'failures', String(number))
    guarded(`write ${folder}`, () => mkdirSync(folder, { recursive: true }))
    for (const [name, content] of Object.entries(files)) replaceJson(join(folder, name), content)
    this.#write(failure)
    this.emit({ type: 'failure', failure })
    return failure
  }

  /** Brings the counts of all kinds up to date. */
  recount(counts: Counts): void {
    for (const [kind, failure] of this.#failures) {
      const count = Math.max(failure.count, counts[kind] ?? 0)
      if (count === failure.count) continue
      failure.count = count
      this.#write(failure)
    }
  }

  /** The end record; nothing is written after it. */
  end(result: InstanceResult): void {
    replaceJson(join(this.folder, 'verdict.json'), result)
    this.emit({ type: 'end', result })
  }

  #write(failure: Failure): void {
    replaceJson(join(this.folder, failure.id.slice(this.#instance.name.length + 1), 'failure.json'), failure)
  }
}

/** Created exclusively, so that two guests never share one. */
function freshFolder(name: string): string {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '.')
  for (let n = 1; ; n++) {
    const folder = `guest-${name}-${stamp}${n === 1 ? '' : `-${n}`}`
    try {
      mkdirSync(folder)
      return folder
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') guarded(`create ${folder}`, () => mkdirSync(folder))
    }
  }
}

function isPipe(fd: number): boolean {
  try {
    const stat = fstatSync(fd)
    return stat.isFIFO() || stat.isSocket()
  } catch {
    // Nobody has opened it.
    return false
  }
}
