/** `torture clean`: removes old runs, and bundles that no run refers to. What is not ours, or is at work, stays. */
import type { Argv } from 'yargs'
import { type Cleaned, clean } from '../../results/clean.ts'
import { formatBytes, shownPath } from '../../results/format.ts'
import { EXIT } from '../errors.ts'
import { parseCount } from '../plan/quantities.ts'
import { checkResults, DEFAULT_RESULTS } from './flags.ts'

const KEEP = '10'

export function options(yargs: Argv) {
  return yargs
    .option('keep', { type: 'string', requiresArg: true, default: KEEP, describe: 'how many of the newest runs stay' })
    .option('results', {
      type: 'string',
      requiresArg: true,
      default: DEFAULT_RESULTS,
      describe: 'folder of the run store',
    })
    .option('dry-run', { type: 'boolean', describe: 'say what would be removed, and remove nothing' })
}

export interface CleanFlags {
  readonly keep: string
  readonly results: string
  readonly 'dry-run'?: boolean
}

export async function main(flags: CleanFlags): Promise<number> {
  const keep = parseCount(flags.keep, '--keep', 1_000_000, 0)
  const dryRun = flags['dry-run'] ?? false
  const cleaned = clean(checkResults(flags.results), { keep, dryRun })
  for (const reason of cleaned.spared) process.stderr.write(`torture: kept ${reason}\n`)
  process.stdout.write(text(cleaned, dryRun))
  return EXIT.ok
}

function text({ removed, bytes, kept }: Cleaned, dryRun: boolean): string {
  const [verb, freed] = dryRun ? ['would remove', 'would free'] : ['removed', 'freed']
  const lines = removed.map(({ path, bytes: own }) => `${verb} ${shownPath(path)} (${formatBytes(own)})`)
  lines.push(
    removed.length === 0
      ? `nothing to remove, ${kept} kept`
      : `${verb} ${removed.length}, ${freed} ${formatBytes(bytes)}, ${kept} kept`,
  )
  return `${lines.join('\n')}\n`
}
