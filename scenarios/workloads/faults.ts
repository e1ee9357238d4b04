/** A scenario of the fault path for each policy: the same workload, the same oracles. */
import { audit } from '../../lib/check/audit.ts'
import type { PolicyName } from '../../lib/mm/policy/policy.ts'
import type { OpenContext, Scenario } from '../../torture/scenario.ts'
import { remap, scale, touchAndDrop } from './measured.ts'
import { fault, map } from './mixed.ts'
import { type Context, type Local, open, type Shared, setup, specs } from './space.ts'

export function faultScenario(
  policy: PolicyName,
  about: Pick<Scenario, 'summary' | 'inconclusive'>,
): Scenario<Shared, typeof specs> {
  const body = {
    open: (context: OpenContext<Shared, typeof specs>) => open(policy, context),
    pause: (local: Local) => local.task.sleep(),
    resume: (local: Local) => local.task.wake(),
  }
  return {
    name: policy,
    tags: ['mm'],
    params: specs,
    ...about,
    setup: context => setup(policy, context),
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
