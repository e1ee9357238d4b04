/** The one place that knows all workplaces; what a run does not use is not loaded. */
import type { Destination, Opening, Workplace } from './workplace.ts'

/** Begins to make it ready. */
export async function openWorkplace(destination: Destination, opening: Opening): Promise<Workplace> {
  if (destination.via === 'slurm') return (await import('./slurm.ts')).openSlurm(destination, opening)
  return (await import('./fleet.ts')).OpenFleet.open(destination, opening)
}
