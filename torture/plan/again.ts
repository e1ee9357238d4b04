/** Plans a re-run: which instances of a run are done again, and as what. Pure. */
import type { InstanceResult, Plan, PlannedInstance, Verdict } from '../../results/schema.ts'
import { UsageError } from '../errors.ts'
import { hint } from './nearest.ts'
import { pack } from './pack.ts'
import type { PlanBody } from './plan.ts'
import { deriveSeed } from './seed.ts'
import { globToRegExp, parseSelectors } from './selector.ts'

export interface Again {
  readonly failed: boolean
  /** Selectors of scenarios or instances; empty: all. */
  readonly only: readonly string[]
  readonly times: number
  /** A new seed of the run; undefined: the seeds of the plan. */
  readonly seed?: number
  readonly durationMs?: number
  readonly cpus?: number
}

type Results = ReadonlyMap<string, Pick<InstanceResult, 'verdict'>>

/** What `rerun` in place still has to do: whatever has no verdict, or one that says that it was not done. */
export function unfinished(plan: Plan, results: Results): PlannedInstance[] {
  return plan.instances.filter(({ name }) => (results.get(name)?.verdict ?? 'skipped') === 'skipped')
}

/**
 * The instances that a selection means. Nothing may be left: with `--failed` that is good news.
 * @param counted what each instance that has ended counts as
 */
export function chooseAgain(
  plan: Plan,
  counted: ReadonlyMap<string, Verdict>,
  { failed, only }: Pick<Again, 'failed' | 'only'>,
): PlannedInstance[] {
  const chosen = only.length === 0 ? plan.instances : selectInstances(plan.instances, only)
  return chosen.filter(({ name }) => !failed || counted.get(name) !== 'pass')
}

/** A scenario's name means all its instances, an instance's name itself and its repetitions. */
function selectInstances(instances: readonly PlannedInstance[], only: readonly string[]): PlannedInstance[] {
  const chosen = new Set<PlannedInstance>()
  for (const { kind, value, times } of parseSelectors(only)) {
    if (kind === 'tag' || kind === 'path' || times !== 1) {
      throw new UsageError(`--only ${value}: name a scenario or an instance, as in vma-lock or vma-lock.2`)
    }
    const pattern = globToRegExp(value)
    const matching = instances.filter(
      ({ name, scenario }) => pattern.test(scenario) || pattern.test(name) || name.startsWith(`${value}.`),
    )
    if (matching.length === 0) {
      const names = instances.flatMap(({ name, scenario }) => [scenario, name])
      throw new UsageError(
        `the run has no '${value}': ${hint(value, names, `it has ${[...new Set(names)].slice(0, 8).join(', ')}`)}`,
      )
    }
    for (const instance of matching) chosen.add(instance)
  }
  return instances.filter(instance => chosen.has(instance))
}

/** The plan of a new run that repeats instances of another. Repetitions of `vma-lock.2` are `vma-lock.2.1`, …. */
export function planAgain(plan: Plan, chosen: readonly PlannedInstance[], again: Again): PlanBody {
  const cpus = again.cpus ?? plan.cpus
  const seed = again.seed ?? plan.seed
  const numbers = Array.from({ length: again.times }, (_, n) => n + 1)
  const instances = chosen.flatMap(instance =>
    numbers.map(n => {
      const nameOf = (of: string) => (again.times === 1 ? of : `${of}.${n}`)
      const name = nameOf(instance.name)
      const control = instance.trial?.control
      return {
        ...instance,
        name,
        ...(control !== undefined && { trial: { ...instance.trial!, control: nameOf(control) } }),
        // A control has the seed of its try.
        seed: again.seed === undefined ? instance.seed : deriveSeed(again.seed, nameOf(control ?? instance.name)),
        durationMs: again.durationMs ?? instance.durationMs,
        oversubscribed: instance.oversubscribed || instance.cpus > cpus,
      }
    }),
  )
  return { seed, cpus, failFast: plan.failFast, instances, batches: pack(instances, cpus) }
}
