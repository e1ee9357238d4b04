/** One thread's stay in a guest under the deterministic scheduler. */
import { loadScenario } from '../guest/load.ts'
import type { Stay } from '../guest/messages.ts'
import { takePart } from './part.ts'
import { search } from './search/search.ts'
import { makeStrategies } from './strategies/index.ts'

/** @param entry URL of a file in the bundle's folder */
export const explore = (stay: Stay, entry: string): Promise<void> =>
  takePart(stay, { load: () => loadScenario(stay.instance, entry), strategies: makeStrategies, lead: search })
