/**
 * `npm run strategies [-- --seeds 30] [-- --only NAME,NAME]`: how soon each strategy of the explorer, and the portfolio,
 * finds the bugs of the classics. The result goes to docs/strategies.md, except where only a part was asked for.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { execa } from 'execa'
import type { PlannedInstance } from '../results/schema.ts'
import { builtinManifest } from '../torture/bundle/builtin.ts'
import type { ScenarioDescription } from '../torture/bundle/manifest.ts'
import { allowedCpus } from '../torture/guest/watch/proc.ts'
import { packageRoot } from '../torture/paths.ts'
import { EXPLORE, type ExploreRequest, explored } from '../torture/plan/explore.ts'
import { resolveParams } from '../torture/plan/params.ts'
import { pinnedTo } from '../torture/runner/affinity.ts'
import { watchOthers } from '../torture/runner/others.ts'
import { type BenchBundle, makeBenchBundle } from './bundle.ts'
import type { Searched, Searches } from './loops/searches.ts'
import { page, type Row, tables } from './strategies-page.ts'

const STRATEGIES = ['random', 'pct', 'pos', 'urw', 'bounded', 'dpor', 'portfolio'] as const
const LIMITS = { executions: 20_000, cpuMs: 5000 }
/** What `torture explore` has without `--budget`: the portfolio divides it up. */
const BUDGET_MS = 60_000

const { values } = parseArgs({ options: { seeds: { type: 'string', default: '30' }, only: { type: 'string' } } })
const seeds = Number(values.seeds)
if (!Number.isInteger(seeds) || seeds < 1) stop(`--seeds ${values.seeds}: a number from 1 is needed`)
const all = (await builtinManifest()).scenarios.filter(({ source }) => source.includes('scenarios/classics/bad/'))
const wanted = values.only?.split(',') ?? all.map(({ name }) => name)
const unknown = wanted.find(name => !all.some(scenario => scenario.name === name))
if (unknown !== undefined) stop(`there is no bad twin ${unknown}: ${all.map(({ name }) => name).join(', ')}`)
const twins = all.filter(({ name }) => wanted.includes(name))

const started = new Date()
const othersShare = watchOthers()
const bundle = await makeBenchBundle()
const rows: Row[] = twins.map(({ name }) => ({ name, seen: new Map() }))
const jobs = twins.flatMap((scenario, n) => STRATEGIES.map(strategy => ({ scenario, strategy, row: rows[n] })))
// A search keeps to one CPU; where that cannot be had, one search has the machine for itself.
const cpus = allowedCpus().filter(cpu => pinnedTo(cpu).length > 0)
await Promise.all((cpus.length > 0 ? cpus : [undefined]).map(workOff))

const measured = { started, seeds, limits: LIMITS, strategies: STRATEGIES, rows, othersShare: othersShare() }
process.stdout.write(`\n${tables(measured)}\n`)
if (values.only === undefined) {
  const path = join(packageRoot, 'docs/strategies.md')
  writeFileSync(path, page(measured))
  process.stdout.write(`written to ${path}\n`)
}

async function workOff(cpu: number | undefined): Promise<void> {
  for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
    const { scenario, strategy, row } = job
    const seen = await searches(bundle, cpu, { instance: planned(scenario, strategy), seeds, limits: LIMITS })
    row.seen.set(strategy, seen)
    const found = seen.filter(it => it.found).length
    process.stdout.write(`${scenario.name} ${strategy}: found ${found} times in ${seen.length}\n`)
  }
}

async function searches(bundle: BenchBundle, cpu: number | undefined, what: Searches): Promise<Searched[]> {
  const [command, ...args] = [...pinnedTo(cpu), process.execPath, join(bundle.dir, bundle.loop('searches'))]
  const { stdout } = await execa(command, [...args, JSON.stringify(what)], { env: { NODE_OPTIONS: '' } })
  return stdout.split('\n').map(line => JSON.parse(line) as Searched)
}

function planned(scenario: ScenarioDescription, strategy: ExploreRequest['strategy']): PlannedInstance {
  return {
    ...explored({ ...EXPLORE, strategy }, scenario, new Map()),
    name: `${scenario.name}.1`,
    scenario: scenario.name,
    module: scenario.module,
    params: resolveParams(scenario, new Map()),
    seed: 1,
    bugs: [],
    durationMs: BUDGET_MS,
    hangAfterMs: 0,
    maxMemory: 0,
    keepGoing: false,
  }
}

function stop(why: string): never {
  process.stderr.write(`strategies: ${why}\n`)
  process.exit(2)
}
