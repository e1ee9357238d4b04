/** Carries out a schedule, once or several times, in a folder that no run knows of. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readTail } from '../../results/files.ts'
import { judge } from '../../results/judge.ts'
import { interleavingsOf, readVerdict } from '../../results/reader.ts'
import type { Failure, InstanceResult, Interleaving, PlannedInstance } from '../../results/schema.ts'
import type { Bundle } from '../bundle/manifest.ts'
import { CpuPool } from './affinity.ts'
import { completed, placeOf } from './findings.ts'
import { type GuestProcess, startGuest } from './guest-process.ts'

export interface Replayed {
  readonly result: InstanceResult
  /** The first failure's. */
  readonly interleaving?: Interleaving
}

const CONSOLE_BYTES = 8192

/** A guest after another; `replays` yields what each of them did. */
export class Replayer {
  readonly #bundle: Bundle
  readonly #instance: PlannedInstance
  readonly #cpu = new CpuPool().take()
  #guest: GuestProcess | undefined
  #stopped = false

  constructor(bundle: Bundle, instance: PlannedInstance) {
    this.#bundle = bundle
    this.#instance = instance
  }

  /** At most so many; none after `stop`. */
  async *replays(times: number): AsyncGenerator<Replayed> {
    const { execa } = await import('execa')
    const folder = mkdtempSync(join(tmpdir(), 'torture-replay-'))
    try {
      for (let n = 0; n < times; n++) {
        const replayed = await this.#replay(execa, folder)
        if (this.#stopped) return
        yield replayed
      }
    } finally {
      this.#guest?.kill()
      rmSync(folder, { recursive: true, force: true })
    }
  }

  stop(): void {
    this.#stopped = true
    this.#guest?.kill()
  }

  async #replay(execa: typeof import('execa').execa, folder: string): Promise<Replayed> {
    const failures: Failure[] = []
    const instance = this.#instance
    const guest = startGuest(
      execa,
      this.#bundle,
      folder,
      instance,
      event => {
        if (event.type === 'failure') failures.push(event.failure)
      },
      this.#cpu,
    )
    this.#guest = guest
    const exit = await guest.ended
    const { result: record, problem } = readVerdict(guest.dir)
    const judged = judge(instance, exit, {
      record,
      problem,
      console: readTail(join(guest.dir, 'console.log'), CONSOLE_BYTES),
      startedAt: guest.startedAt,
      elapsedMs: exit.elapsedMs,
      failures: failures.map(({ id, oracle, message, count }) => ({ id, oracle, message, count, path: id })),
    })
    const interleavings = interleavingsOf(folder, failures)
    const interleaving = failures.length === 0 ? undefined : interleavings.get(failures[0].id)
    const listed = completed(judged.failures, failures, interleavings, failure =>
      placeOf(failure, instance, this.#bundle),
    )
    return { result: { ...judged, failures: listed }, ...(interleaving !== undefined && { interleaving }) }
  }
}
