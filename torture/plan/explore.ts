/** What makes an instance one of the explorer: the search, and threads that take turns on one CPU. */
import type { ExploreOptions } from '../../results/schema.ts'
import { UsageError } from '../errors.ts'
import { MOST_ACTORS } from '../explore/schedule/board.ts'
import { type Parametrised, resolveThreads, type Wishes } from './params.ts'
import type { Selected } from './selector.ts'

/** What the flags say of the search. */
export interface ExploreRequest extends Pick<ExploreOptions, 'strategy' | 'executions' | 'ops' | 'focus'> {
  /** Left out: what a bug needs, or `sc`. */
  readonly memoryModel?: ExploreOptions['memoryModel']
}

/** A request without flags. */
export const PLAIN_SEARCH: ExploreRequest = {
  strategy: 'portfolio',
  executions: 0,
  ops: 4,
  focus: [],
}

/** What comes of it. */
export const EXPLORE: Required<ExploreRequest> = { ...PLAIN_SEARCH, memoryModel: 'sc' }

/**
 * What a count of `cpus` means where threads take turns: a number that is the same on every machine, since a schedule
 * is one of so many threads.
 */
const CPUS = 2

/** How many guests search one scenario: as many as the user said, else one for each CPU of the budget. */
export const guestsOf = ({ times, counted }: Selected<unknown>, cpus: number): number =>
  counted ? times : times * cpus

/** @throws UsageError where there are more threads than the scheduler can name */
export function explored(explore: ExploreRequest, scenario: Parametrised, wishes: Wishes) {
  const threads = resolveThreads(scenario, wishes, CPUS)
  const total = threads.reduce((sum, { count }) => sum + count, 0)
  const { memoryModel = 'sc' } = explore
  const buffered = memoryModel !== 'sc'
  const unknown = explore.strategy === 'dpor' ? ['pso'] : explore.strategy === 'bounded' ? ['tso', 'pso'] : []
  if (unknown.includes(memoryModel))
    throw new UsageError(
      `--strategy ${explore.strategy} knows no ${memoryModel}: leave out --memory-model ${memoryModel}, or take random, pct, pos or urw`,
    )
  const most = buffered ? MOST_ACTORS >> 1 : MOST_ACTORS
  if (total > most) {
    const why = buffered ? ` with --memory-model ${memoryModel}` : ''
    throw new UsageError(
      `${scenario.name}: ${total} threads are more than the ${most} that can be explored${why}: lower --threads`,
    )
  }
  return {
    mode: 'explore' as const,
    explore: { ...explore, memoryModel },
    threads,
    jitter: 'off' as const,
    cpus: 1,
    oversubscribed: false,
  }
}
