/** Reclamation by epochs: elements are replaced and freed under readers that look at them for long. */
import type { Cpu } from '../../lib/shm/cpu.ts'
import { type EpochImage, Epochs, epochRegion } from '../../lib/sync/epoch.ts'
import { defineScenario } from '../../torture/scenario.ts'
import { type Reclaimer, reclamation } from '../workloads/reclaim.ts'

class ByEpoch implements Reclaimer {
  readonly #w: Int32Array
  readonly #epochs: Epochs

  constructor(cpu: Cpu, image: EpochImage, free: (element: number) => void) {
    this.#w = cpu.w
    this.#epochs = new Epochs(cpu.w, image, cpu.id, free)
  }

  protect(at: number): number {
    this.#epochs.enter()
    return Atomics.load(this.#w, at)
  }

  release(): void {
    this.#epochs.exit()
  }

  retire(element: number): void {
    this.#epochs.retire(element)
  }

  reclaim(): void {
    this.#epochs.reclaim()
  }

  leave(): number {
    return this.#epochs.leave()
  }
}

export default defineScenario({
  name: 'epoch',
  summary: 'reclamation by epochs: is an element freed only when all that may have found it have left',
  ...reclamation<EpochImage>(
    {
      reserve: epochRegion,
      open: (cpu, image, free) => new ByEpoch(cpu, image, free),
    },
    2,
  ),
})
