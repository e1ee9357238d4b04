/** Hazard pointers: elements are replaced and freed under readers that look at them for long. */
import { type HazardImage, HazardPointers, hazardRegion } from '../../lib/sync/hazard-pointers.ts'
import { defineScenario } from '../../torture/scenario.ts'
import { type Reclaimer, reclamation } from '../workloads/reclaim.ts'

class ByHazard implements Reclaimer {
  readonly #hazards: HazardPointers

  constructor(w: Int32Array, image: HazardImage, thread: number, free: (element: number) => void) {
    this.#hazards = new HazardPointers(w, image, thread, free)
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
    open: (w, image, thread, free) => new ByHazard(w, image, thread, free),
  }),
})
