/** Sleepable RCU as it is used most: an updater unlinks an element, waits for a grace period, and frees it. */
import type { Cpu } from '../../lib/shm/cpu.ts'
import { Srcu, type SrcuImage, srcuRegion } from '../../lib/sync/srcu.ts'
import { defineScenario } from '../../torture/scenario.ts'
import { type Reclaimer, reclamation } from '../workloads/reclaim.ts'

class BySrcu implements Reclaimer {
  readonly #w: Int32Array
  readonly #srcu: Srcu
  readonly #free: (element: number) => void
  readonly #retired: number[] = []
  #section = 0

  constructor(cpu: Cpu, image: SrcuImage, free: (element: number) => void) {
    this.#w = cpu.w
    this.#srcu = new Srcu(cpu, image)
    this.#free = free
  }

  protect(at: number): number {
    this.#section = this.#srcu.readLock()
    return Atomics.load(this.#w, at)
  }

  release(): void {
    this.#srcu.readUnlock(this.#section)
    if (this.#retired.length === 0) return
    this.#srcu.synchronize()
    for (const element of this.#retired) this.#free(element)
    this.#retired.length = 0
  }

  nest(): void {
    this.#srcu.readUnlock(this.#srcu.readLock())
  }

  retire(element: number): void {
    this.#retired.push(element)
  }

  reclaim(): void {}

  leave(): number {
    return this.#retired.length
  }
}

export default defineScenario({
  name: 'srcu-sync',
  summary: 'sleepable read-copy-update with few updaters: does synchronize wait for readers that straggle',
  ...reclamation<SrcuImage>({
    reserve: srcuRegion,
    open: (cpu, image, free) => new BySrcu(cpu, image, free),
  }),
})
