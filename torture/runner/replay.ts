/** Carries out a schedule, once or several times, in a folder that no run knows of. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { InstanceResult, Interleaving, PlannedInstance } from '../../results/schema.ts'
import type { Bundle } from '../bundle/manifest.ts'
import { CpuPool } from './affinity.ts'
import { attend } from './attend.ts'
import type { GuestProcess } from './guest-process.ts'

export interface Replayed {
  readonly result: InstanceResult
  /** The first failure's. */
  readonly interleaving?: Interleaving
}

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
      for (let n = 0; n < times && !this.#stopped; n++) {
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
    const place = { bundle: this.#bundle, folder, cpu: this.#cpu }
    const { guest, ended } = attend(execa, this.#instance, place)
    this.#guest = guest
    const { result, failures, interleavings } = await ended
    const interleaving = failures.length === 0 ? undefined : interleavings.get(failures[0].id)
    return { result, ...(interleaving !== undefined && { interleaving }) }
  }
}
