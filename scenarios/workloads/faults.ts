/** A scenario of the fault path for each policy: the same workload, the same oracles. */
import { audit } from '../../lib/check/audit.ts'
import type { PolicyName } from '../../lib/mm/policy/policy.ts'
import type { Conclusion, OpenContext, ParamSpecs, ParamValues, Scenario } from '../../torture/scenario.ts'
import { remap, scale, touchAndDrop } from './measured.ts'
import { fault, map } from './mixed.ts'
import { type Context, type Local, open, type Params, type Shared, setup, specs } from './space.ts'

type Specs<P> = typeof specs & P

export interface About<P> {
  readonly name: string
  readonly summary: string
  /** Parameters besides those of the workload. */
  readonly params?: P
  readonly policy: (params: ParamValues<P>) => PolicyName
  /** What a fault does that need not fall back: policies without fallback leave it out. */
  readonly fastPath?: string
}

export function faultScenario<const P extends ParamSpecs = Record<never, never>>(
  about: About<P>,
): Scenario<Shared, Specs<P>> {
  const { name, summary, fastPath } = about
  const policy = (params: Params) => about.policy(params as ParamValues<Specs<P>>)
  const body = {
    open: (context: OpenContext<Shared, typeof specs>) => open(policy(context.params), context),
    pause: (local: Local) => local.task.sleep(),
    resume: (local: Local) => local.task.wake(),
  }
  return {
    name,
    summary,
    tags: ['mm'],
    params: { ...specs, ...about.params } as Specs<P>,
    ...(fastPath !== undefined && { inconclusive: it => oneSided(it, fastPath) }),
    setup: context => setup(policy(context.params), context),
    threads: {
      faulter: {
        count: 'cpus-1',
        ...body,
        run: (context: Context) => (context.params.load === 'mixed' ? fault(context) : touchAndDrop(context)),
      },
      mapper: {
        count: 1,
        ...body,
        run: (context: Context) => (context.params.load === 'mixed' ? map(context) : remap(context)),
      },
    },
    check: ({ shared }) => audit(shared.memory),
    scale,
  }
}

/** Below this many faults a rate says nothing. */
const ENOUGH_FAULTS = 10_000

/** Falling back is part of a protocol: a run in which it never, or nearly always, happens has tested half of it. */
function oneSided({ counters, params }: Conclusion, fastPath: string): string | undefined {
  const faults = counters.faults ?? 0
  if (params.load !== 'mixed' || faults < ENOUGH_FAULTS) return undefined
  const fast = (counters['faults.fast'] ?? 0) / faults
  if (fast < 0.001) return `only ${(fast * 100).toFixed(3)}% of the faults ${fastPath}: the fast path was not tested`
  if (fast > 0.999) return `${(fast * 100).toFixed(3)}% of the faults ${fastPath}: the fallback was not tested`
  return undefined
}
