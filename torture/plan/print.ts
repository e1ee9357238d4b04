/** `--dry-run`: the plan as text. */
import type { PlannedInstance } from '../../results/schema.ts'
import type { PlanBody } from './plan.ts'
import { formatDuration } from './quantities.ts'

export function printPlan(plan: PlanBody, bundle: string): string {
  const byName = new Map(plan.instances.map(instance => [instance.name, instance]))
  const length = plan.batches.reduce(
    (sum, batch) => sum + Math.max(...batch.map(name => byName.get(name)!.durationMs)),
    0,
  )
  // A finding ends a search, and a bug that is caught its try.
  const bound = plan.instances.every(({ mode, trial }) => mode === 'explore' || trial) ? 'at most' : 'at least'
  const lines = [
    `${count(plan.instances.length, 'instance')} in ${count(plan.batches.length, 'batch', 'batches')} on ${count(plan.cpus, 'CPU')}, ${bound} ${formatDuration(length)}, seed ${plan.seed}, bundle ${bundle.slice(0, 12)}`,
  ]
  plan.batches.forEach((batch, n) => {
    lines.push(`batch ${n + 1}`)
    for (const name of batch) lines.push(`  ${describe(byName.get(name)!)}`)
  })
  lines.push('nothing was started (--dry-run)')
  return `${lines.join('\n')}\n`
}

function describe(instance: PlannedInstance): string {
  const { name, threads, params, bugs, durationMs, seed, cpus, oversubscribed, node, nodeArgs } = instance
  const parts = [
    name,
    `${threads.map(body => `${body.name}=${body.count}`).join(' ')} (${count(cpus, 'CPU')}${oversubscribed ? ', oversubscribed' : ''})`,
    formatDuration(durationMs),
    `seed ${seed}`,
    ...howItRuns(instance),
    ...Object.entries(params).map(([key, value]) => `${key}=${value}`),
    ...bugs.map(bug => `bug ${bug}`),
    ...(node === undefined ? [] : [node]),
    ...(nodeArgs ?? []),
  ]
  return parts.join('  ')
}

function howItRuns({ jitter, explore }: PlannedInstance): string[] {
  if (explore === undefined) return [`jitter ${jitter}`]
  const { strategy, executions, ops, memoryModel, focus } = explore
  return [
    `explore ${strategy}`,
    `ops ${ops}`,
    ...(executions > 0 ? [`at most ${count(executions, 'execution')}`] : []),
    ...(memoryModel === 'sc' ? [] : [`memory model ${memoryModel}`]),
    ...focus.map(pattern => `focus ${pattern}`),
  ]
}

const count = (n: number, one: string, many = `${one}s`) => `${n} ${n === 1 ? one : many}`
