/** How the sources of a scenario stand today, compared with those that a stored bundle keeps. */
import { readFileSync } from 'node:fs'
import type { PlannedInstance } from '../../results/schema.ts'
import { keptIn } from './kept.ts'
import type { Bundle } from './manifest.ts'
import { onDisk, rootsOf } from './sources.ts'

export type Present =
  | { readonly state: 'same' }
  /** Paths on disk. */
  | { readonly state: 'changed'; readonly files: readonly string[] }
  /** The scenario's own file is not where it was. */
  | { readonly state: 'gone'; readonly file: string }

/**
 * Compares what can change how the scenario behaves: its file, what that imports, and the library. The harness is
 * left out: a bundle brings the one that its runs were made with.
 */
export function compareSources(bundle: Bundle, instance: PlannedInstance): Present {
  const { manifest, dir } = bundle
  const scenario = manifest.scenarios.find(({ module }) => module === instance.module)
  const roots = rootsOf(instance, manifest) ?? (scenario?.builtin ? { userRoot: '' } : undefined)
  if (scenario === undefined || roots === undefined) return { state: 'gone', file: instance.file ?? instance.scenario }
  const mine = scenario.builtin ? /^src\/torture\/(lib|scenarios)\// : /^src\/(user|torture\/lib)\//
  const own = onDisk(scenario.source, roots)
  if (contents(own) === undefined) return { state: 'gone', file: own }
  const kept = keptIn(dir)
  const files = manifest.inputs
    .filter(source => mine.test(source))
    .filter(source => kept(source)?.toString('latin1') !== contents(onDisk(source, roots)))
    .map(source => onDisk(source, roots))
  return files.length === 0 ? { state: 'same' } : { state: 'changed', files }
}

function contents(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // Not there, or not to be read: for a comparison both are the same.
    return undefined
  }
}
