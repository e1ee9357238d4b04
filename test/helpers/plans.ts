/** What plans are made of: scenarios and bugs that were never compiled, and requests. */
import type { BugDescription, ScenarioDescription } from '../../torture/bundle/manifest.ts'
import { engines } from '../../torture/plan/engines.ts'
import type { Request } from '../../torture/plan/plan.ts'

export const scenario = (name: string, more: Partial<ScenarioDescription> = {}): ScenarioDescription => ({
  name,
  summary: 'a fixture',
  tags: [],
  params: {
    adds: { default: 1, describe: 'additions', min: 1, max: 10 },
    kind: { default: 'a', describe: 'a choice', choices: ['a', 'b'] },
    deep: { default: false, describe: 'a switch' },
  },
  threads: [
    { name: 'adder', count: 2 },
    { name: 'reader', count: 'cpus-1' },
  ],
  module: `scenarios/${name}.js`,
  source: `src/torture/scenarios/${name}.ts`,
  builtin: true,
  ...more,
})

export const bug = (id: string, scenarios: readonly string[], more: Partial<BugDescription> = {}): BugDescription => ({
  id,
  scenarios,
  title: id,
  story: 'what happened',
  source: 'here',
  site: `site-of-${id}`,
  oracle: ['CNT'],
  hardness: 'E',
  ...more,
})

export const request = (more: Partial<Request> = {}): Request => ({
  seed: 7,
  durationMs: 1000,
  hangAfterMs: 5000,
  maxMemory: 0,
  params: new Map(),
  threads: new Map(),
  bugs: [],
  jitter: 'low',
  keepGoing: false,
  failFast: false,
  oversubscribe: true,
  engines: engines(['default'], []),
  inspect: false,
  cpus: 4,
  hostCpus: 4,
  ...more,
})
