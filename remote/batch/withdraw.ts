/** What a batch system still has of a run that others complete: it would do in vain what they do. */
import { join } from 'node:path'
import { BatchProblem, type BatchSystem } from '../carrier.ts'
import { RUNS } from '../host/layout.ts'
import { removed } from './receiver.ts'
import type { ArrayRecord, BatchRecord } from './record.ts'

/**
 * Cancels what waits and what runs.
 * @param save is given all arrays whenever one of them is over
 * @returns a line for each array that could not be cancelled
 */
export async function withdraw(
  system: BatchSystem,
  { key, directory, arrays }: Pick<BatchRecord, 'key' | 'directory' | 'arrays'>,
  save: (arrays: readonly ArrayRecord[]) => void,
): Promise<string[]> {
  const all = [...arrays]
  const problems: string[] = []
  for (const [n, array] of arrays.entries()) {
    if (array.over) continue
    try {
      const id = array.id ?? (await system.find(array.name))
      if (id !== undefined) await system.cancel(id)
      all[n] = { ...array, id, over: true }
      save(all)
    } catch (error) {
      if (!(error instanceof BatchProblem)) throw error
      const which = array.id === undefined ? `called ${array.name}` : array.id
      problems.push(`job ${which} cannot be cancelled, and does in vain what is done elsewhere: ${error.message}`)
    }
  }
  if (problems.length === 0) await removed(join(directory, RUNS, key))
  return problems
}
