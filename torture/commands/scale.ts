/** `torture scale`: policies side by side in one run. */
import { randomBytes } from 'node:crypto'
import type { Argv } from 'yargs'
import { createReporter } from '../../results/reporters/index.ts'
import type { Reporter } from '../../results/reporters/reporter.ts'
import type { InstanceResult } from '../../results/schema.ts'
import type { Bundle, ScenarioDescription } from '../bundle/manifest.ts'
import { EXIT } from '../errors.ts'
import { MOST_THREADS } from '../plan/params.ts'
import { printPlan } from '../plan/print.ts'
import { parseCount, parseDuration, parseSeed } from '../plan/quantities.ts'
import { makeScalePlan, type ScaleRequest } from '../plan/scale.ts'
import { watchOthers } from '../runner/others.ts'
import { checkResults, DEFAULT_RESULTS, parseAssignments, parseCpus, storeOptions, text, texts } from './flags.ts'
import { storeRun } from './launch.ts'
import { figures, printTable, throttled } from './scale-table.ts'
import { withSelected } from './selected.ts'

/** Other processes' share of the CPUs beyond which the figures are not to be trusted. */
const MOST_OTHERS = 0.1

interface Flags {
  readonly selectors?: readonly string[]
  readonly scenario?: readonly string[]
  readonly duration?: string
  readonly threads?: string
  readonly seed?: string
  readonly param?: readonly string[]
  readonly json?: boolean
  readonly results?: string
  readonly 'dry-run'?: boolean
}

export function options(yargs: Argv) {
  return storeOptions(
    yargs
      .positional('selectors', { type: 'string', array: true, describe: 'scenarios to compare: vma-lock,mmap-lock' })
      .option('scenario', { ...texts, alias: 's', describe: 'the same as a flag; may be repeated' })
      .option('threads', { ...text, describe: 'numbers of threads to sweep: 1,2,4; default: 1 and the number of CPUs' })
      .option('duration', { ...text, default: '10s', describe: 'of each figure' })
      .option('param', { ...texts, describe: 'a parameter of the scenarios: name=value' })
      .option('seed', { ...text, describe: 'of everything random; default: drawn, and recorded' })
      .option('json', { type: 'boolean', describe: 'the table as JSON on stdout' }),
  ).hide('reporter')
}

export async function main(flags: Flags): Promise<number> {
  const request = parseRequest(flags)
  const texts = [...(flags.selectors ?? []), ...(flags.scenario ?? [])]
  return withSelected(texts, 'scale -s vma-lock,mmap-lock', (selected, bundle) =>
    measure(flags, request, bundle, [...new Set(selected.map(({ scenario }) => scenario))]),
  )
}

function parseRequest(flags: Flags): ScaleRequest {
  const { hostCpus } = parseCpus(undefined)
  const threads = flags.threads ?? (hostCpus === 1 ? '1' : `1,${hostCpus}`)
  return {
    seed: flags.seed === undefined ? randomBytes(4).readUInt32LE() : parseSeed(flags.seed, '--seed'),
    durationMs: parseDuration(flags.duration ?? '10s', '--duration'),
    threads: [...new Set(threads.split(',').map(n => parseCount(n, '--threads', MOST_THREADS)))],
    params: parseAssignments(flags.param, '--param'),
    cpus: hostCpus,
  }
}

async function measure(
  flags: Flags,
  request: ScaleRequest,
  made: Bundle,
  scenarios: readonly ScenarioDescription[],
): Promise<number> {
  const { body, cells } = makeScalePlan(request, scenarios)
  if (flags['dry-run']) {
    process.stdout.write(printPlan(body, made.hash))
    return EXIT.ok
  }
  const results = checkResults(flags.results ?? DEFAULT_RESULTS)
  const { run, bundle } = storeRun(made, body, { results, command: 'scale', argv: process.argv.slice(2) })
  const measured = new Map<string, InstanceResult>()
  const othersShare = watchOthers()
  const { runPlan } = await import('../runner/run-plan.ts')
  const { status } = await runPlan(run, bundle, collector(measured, body.instances.length))
  const table = figures(cells, measured)
  process.stdout.write(flags.json ? `${JSON.stringify(table, null, 2)}\n` : printTable(table))
  warnOfOthers(othersShare())
  const slow = [...measured.values()].filter(throttled)
  if (slow.length === 0 || status !== EXIT.ok) return status
  process.stderr.write(
    `torture: the cgroup throttled ${slow.length} of ${measured.size} measurements: their figures say nothing\n`,
  )
  return EXIT.inconclusive
}

/** Ratios of what took turns survive other processes, if they take little; absolute figures never do. */
function warnOfOthers(share: number | undefined): void {
  if (share === undefined || share < MOST_OTHERS) return
  const percent = Math.round(100 * share)
  process.stderr.write(
    `torture: other processes took ${percent}% of the CPUs meanwhile: the figures say little, those of several threads least\n`,
  )
}

/** Collects what was measured; progress and failures go to stderr, since stdout is the table's. */
function collector(measured: Map<string, InstanceResult>, total: number): Reporter {
  const failed = createReporter('plain', { stdout: process.stderr, stderr: process.stderr })
  return {
    start: () => {},
    instanceStarted: ({ name }) => {
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${measured.size + 1} of ${total}: ${name}`)
    },
    event: () => {},
    instanceEnded: result => {
      measured.set(result.name, result)
      if (result.verdict !== 'pass') failed.instanceEnded(result)
      if (process.stderr.isTTY && measured.size === total) process.stderr.write('\r\x1b[K')
    },
    end: () => {},
  }
}
