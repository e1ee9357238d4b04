/** Hazard pointers: elements are replaced and freed under readers that look at them for long. */
import type { Cpu } from '../../lib/shm/cpu.ts'
import { type HazardImage, HazardPointers, hazardRegion } from '../../lib/sync/hazard-pointers.ts'
import { defineScenario } from '../../torture/scenario.ts'
import { type Reclaimer, reclamation } from '../workloads/reclaim.ts'

class ByHazard implements Reclaimer {
  readonly #hazards: HazardPointers

  constructor(cpu: Cpu, image: HazardImage, free: (element: number) => void) {
    this.#hazards = new HazardPointers(cpu.w, image, cpu.id, free)
  }

  protect(at: number): number {
    return this.#hazards.protect(0, at)
  }

  release(): void {
    this.#hazards.clear(0)
  }

  retire(element: number): void {
    this.#hazards.retire(element)
  }

  reclaim(): void {
    this.#hazards.leave()
  }

  leave(): number {
    return this.#hazards.leave()
  }
}

export default defineScenario({
  name: 'hazard-pointers',
  summary: 'hazard pointers: is an element that somebody looks at never freed',
  ...reclamation<HazardImage>({
    reserve: hazardRegion,
    open: (cpu, image, free) => new ByHazard(cpu, image, free),
  }),
})
