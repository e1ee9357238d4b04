/** What a guest found, told as a run's reader wants it: with the line of the user's code, the schedule, and how. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Failure, InstanceResult, Interleaving, PlannedInstance } from '../../results/schema.ts'
import type { Bundle } from '../bundle/manifest.ts'
import { sourcePosition } from '../bundle/original.ts'
import { onDisk, rootsOf } from '../bundle/sources.ts'

type Listed = InstanceResult['failures'][number]

/** An instance's list of failures, completed by what was said of each when it was found. */
export function completed(
  listed: readonly Listed[],
  failures: readonly Failure[],
  interleavings: ReadonlyMap<string, Interleaving>,
  where: (failure: Failure) => string | undefined,
): Listed[] {
  return listed.map(entry => {
    const failure = failures.find(({ id }) => id === entry.id)
    if (failure === undefined) return entry
    const at = where(failure)
    const history = historyIn(failure)
    const how = interleavings.get(entry.id)?.minimised
    return {
      ...entry,
      ...(at !== undefined && { at }),
      ...(failure.schedule !== undefined && { schedule: failure.schedule }),
      ...(history !== undefined && { history }),
      ...(how !== undefined && { found: { strategy: how.strategy, executions: how.executions } }),
    }
  })
}

/**
 * What is drawn below a failure's message. Of a history that no order explains: its calls, and how far an explanation
 * gets. Of a hang: where each thread stands.
 */
function historyIn({ oracle, details }: Failure): string[] | undefined {
  const { history, stuck, lines } = (details ?? {}) as Readonly<Record<string, unknown>>
  const isLines = (it: unknown): it is string[] => Array.isArray(it) && it.every(line => typeof line === 'string')
  if (oracle === 'HANG' && isLines(lines)) return lines
  if (oracle !== 'LIN' || !isLines(history)) return undefined
  return isLines(stuck) ? [...history, ...stuck] : history
}

/**
 * The innermost line of a failure's stack that is the scenario's own: of the user's files, else of a package that they
 * use, else of a built-in scenario or of the library. Names the file that was compiled, where it is still there.
 * @param wrote the bundle's folder as the stack names it
 */
export function placeOf(
  { stack }: Failure,
  instance: PlannedInstance,
  bundle: Bundle,
  wrote = bundle.dir,
): string | undefined {
  const frames = (stack ?? '').split('\n').flatMap(line => sourcePosition(line, wrote) ?? [])
  const innermost = OWN.map(own => frames.find(({ source }) => own.test(source))).find(frame => frame !== undefined)
  if (innermost === undefined) return undefined
  const { source, position } = innermost
  const roots = source.startsWith('src/user/') ? rootsOf(instance, bundle.manifest) : { userRoot: '' }
  const original = roots && onDisk(source, roots)
  return `${original !== undefined && existsSync(original) ? original : join(bundle.dir, source)}:${position}`
}

/** In this order. */
const OWN = [
  /^src\/user\/(?!(.*\/)?node_modules\/)/,
  /^src\/user\//,
  /^src\/torture\/scenarios\//,
  /^src\/torture\/lib\/(?!check\/)/,
]
