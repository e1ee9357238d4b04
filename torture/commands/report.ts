/** `torture report`: what a run found, as text for people or as JSON, JUnit or TAP for programs. */
import type { Argv } from 'yargs'
import { interleavingsOf, openRun, type StoredRun } from '../../results/reader.ts'
import { closingLines } from '../../results/reporters/closing.ts'
import { junit } from '../../results/reporters/junit.ts'
import { paletteOf } from '../../results/reporters/palette.ts'
import type { EndedRun } from '../../results/reporters/reporter.ts'
import { tap } from '../../results/reporters/tap.ts'
import { runIds } from '../../results/store.ts'
import { bugRows } from '../../results/trials.ts'
import { EXIT } from '../errors.ts'
import { checkResults, DEFAULT_RESULTS, oneOf } from './flags.ts'

const FORMATS = ['text', 'json', 'junit', 'tap'] as const

export function options(yargs: Argv) {
  return yargs
    .positional('run', { type: 'string', describe: 'id or path of a run, or "last"; default: last' })
    .option('format', {
      type: 'string',
      requiresArg: true,
      default: 'text',
      describe: FORMATS.join(', '),
    })
    .option('results', {
      type: 'string',
      requiresArg: true,
      default: DEFAULT_RESULTS,
      describe: 'folder of the run store',
    })
}

export interface ReportFlags {
  readonly run?: string
  readonly format: string
  readonly results: string
}

export async function main(flags: ReportFlags): Promise<number> {
  const format = oneOf(flags.format, FORMATS, '--format')
  const results = checkResults(flags.results)
  const run = openRun(results, flags.run ?? 'last')
  for (const problem of run.problems) process.stderr.write(`torture: ${problem}\n`)
  process.stdout.write(render(run, format))
  return EXIT.ok
}

function render(run: StoredRun, format: (typeof FORMATS)[number]): string {
  const { id, dir, root, plan, summary, results, state } = run
  const scheduled = [...results.values()].flatMap(({ failures, bridge }) => [
    ...failures,
    ...(bridge?.replay === undefined ? [] : [{ ...bridge, id: bridge.replay }]),
  ])
  const interleavings = interleavingsOf(dir, scheduled)
  const last = runIds(root).at(-1) === id
  const ended: EndedRun = { plan, summary, results, interleavings, dir, last, running: state === 'alive' }
  switch (format) {
    case 'json':
      return `${JSON.stringify(asJson(run), null, 2)}\n`
    case 'junit':
      return junit(ended)
    case 'tap':
      return tap(ended)
    case 'text': {
      const columns = process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY
      return `${closingLines(ended, { columns, paint: paletteOf(process.stdout) }).join('\n')}\n`
    }
  }
}

/** The summary with the whole results in the place of their excerpts, in the order of the plan. */
function asJson({ summary, results, plan, unfinished, state, problems }: StoredRun) {
  const instances = plan.instances.flatMap(({ name }) => results.get(name) ?? [])
  const bugs = bugRows(plan, results)
  return { ...summary, state, instances, ...(bugs.length > 0 && { bugs }), unfinished, problems }
}
