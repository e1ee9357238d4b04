/** What thread 0 has at hand when it leads a search or a replay: the execution, the product's strategies, the reports. */
import type { Lead } from './part.ts'
import type { Strategies } from './strategies/index.ts'

export type Tools = Lead<Strategies>
