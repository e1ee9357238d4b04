/** `torture list`: the scenarios and bugs that come with torture, and the runs in a results folder. */
import type { Argv } from 'yargs'
import { duration } from '../../results/format.ts'
import { listRuns, type StoredRun } from '../../results/reader.ts'
import { markOf, paletteOf } from '../../results/reporters/palette.ts'
import { table } from '../../results/table.ts'
import { standings } from '../../results/trials.ts'
import { builtinManifest } from '../bundle/builtin.ts'
import type { BugDescription, ScenarioDescription } from '../bundle/manifest.ts'
import { EXIT, UsageError } from '../errors.ts'
import { checkResults, DEFAULT_RESULTS, oneOf } from './flags.ts'

const KINDS = ['scenarios', 'bugs', 'runs'] as const

export function options(yargs: Argv) {
  return yargs
    .positional('what', { type: 'string', describe: KINDS.join(', ') })
    .option('json', { type: 'boolean', describe: 'for programs' })
    .option('results', {
      type: 'string',
      requiresArg: true,
      default: DEFAULT_RESULTS,
      describe: 'folder of the run store',
    })
}

export interface ListFlags {
  readonly what?: string
  readonly json?: boolean
  readonly results: string
}

export async function main(flags: ListFlags): Promise<number> {
  if (flags.what === undefined) throw new UsageError(`torture list: say what, one of ${KINDS.join(', ')}`)
  const what = oneOf(flags.what, KINDS, 'torture list')
  const { json, lines } = await LISTS[what](flags)
  process.stdout.write(flags.json ? `${JSON.stringify(json, null, 2)}\n` : `${lines().join('\n')}\n`)
  return EXIT.ok
}

interface Listed {
  readonly json: readonly unknown[]
  readonly lines: () => string[]
}

const LISTS: Readonly<Record<(typeof KINDS)[number], (flags: ListFlags) => Promise<Listed> | Listed>> = {
  scenarios: async () => listScenarios((await builtinManifest()).scenarios),
  bugs: async () => listBugs((await builtinManifest()).bugs),
  runs: ({ results }) => listStored(checkResults(results)),
}

const columns = () => (process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY)

function listScenarios(all: readonly ScenarioDescription[]): Listed {
  const json = all.map(({ name, summary, tags, threads, params }) => ({ name, summary, tags, threads, params }))
  return { json, lines: () => all.flatMap((scenario, n) => [...(n > 0 ? [''] : []), ...scenarioLines(scenario)]) }
}

/** The name and what it is for, then its bodies and parameters as they would be typed. */
function scenarioLines({ name, summary, tags, threads, params }: ScenarioDescription): string[] {
  const paint = paletteOf(process.stdout)
  const rows = [
    ...threads.map(({ name: body, count }) => [`  --threads ${body}=${count}`, '']),
    ...Object.entries(params).map(([param, { default: usual, describe }]) => [`  --param ${param}=${usual}`, describe]),
  ]
  const tagged = tags.length > 0 ? paint('gray', `  (${tags.join(', ')})`) : ''
  return [`${paint('bold', name)}  ${summary}${tagged}`, ...table(rows, columns())]
}

function listBugs(all: readonly BugDescription[]): Listed {
  const json = all.map(({ id, title, scenarios, oracle, hardness, source }) => {
    return { id, title, scenarios, oracle: oracle.join('|'), hardness, source }
  })
  const lines = () => {
    const paint = paletteOf(process.stdout)
    const head = ['bug', 'scenarios', 'oracle', 'hard', 'what'].map(word => paint('gray', word))
    const rows = json.map(bug => [
      paint('bold', bug.id),
      bug.scenarios.join(','),
      bug.oracle,
      bug.hardness,
      `${bug.title} ${paint('gray', `[${bug.source}]`)}`,
    ])
    return [
      ...table([head, ...rows], columns()),
      '',
      'E: random stress finds it; D: needs delays; X: needs explored schedules. Try one: torture run -s SCENARIO --bug ID',
    ]
  }
  return { json, lines }
}

function listStored(results: string): Listed {
  const { runs, problems } = listRuns(results)
  for (const problem of problems) process.stderr.write(`torture: ${problem}\n`)
  const lines = () => {
    if (runs.length === 0) return [`there are no runs in ${results}: start one with torture run --scenario vma-lock`]
    const paint = paletteOf(process.stdout)
    return table(
      runs.map(run => runRow(run, paint)),
      columns(),
    )
  }
  return { json: runs.map(runJson), lines }
}

function runJson({ id, dir, state, plan, summary, results }: StoredRun) {
  const { startedAt, finishedAt, verdict, exitCode, argv } = summary
  const passed = [...standings(plan, results).values()].filter(counted => counted === 'pass').length
  const { origin, seed, instances } = plan
  return {
    id,
    dir,
    state,
    verdict: state === 'final' ? verdict : undefined,
    exitCode: state === 'final' ? exitCode : undefined,
    startedAt,
    finishedAt,
    seed,
    origin,
    argv,
    instances: instances.length,
    passed,
  }
}

const UNFINISHED = { alive: 'running', dead: 'cut off', elsewhere: 'elsewhere' } as const

function runRow(run: StoredRun, paint: ReturnType<typeof paletteOf>): string[] {
  const { id, state, verdict, startedAt, finishedAt, instances, passed, argv } = runJson(run)
  const { sign, colour } = markOf(verdict)
  const word = state === 'final' ? (verdict ?? 'final') : UNFINISHED[state]
  const took = finishedAt === undefined ? '' : duration(Date.parse(finishedAt) - Date.parse(startedAt))
  return [id, paint(colour, `${sign} ${word}`), `${passed}/${instances} passed`, took, `torture ${argv.join(' ')}`]
}
