/** From what the user selected to the bundle that holds it: the prebuilt one, or a new one with the user's files. */
import { realpathSync, type Stats, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { builtinBundle, builtinEntries, withBuiltins } from '../bundle/builtin.ts'
import type { Bundle, ScenarioDescription } from '../bundle/manifest.ts'
import { UsageError } from '../errors.ts'
import { parseSelectors, type Selected, select } from '../plan/selector.ts'

export type Use<T> = (selected: Selected<ScenarioDescription>[], bundle: Bundle) => T | Promise<T>

/**
 * Finds or makes the bundle and hands it on, while it is there, with the scenarios selected.
 * @throws UsageError where nothing is selected, or a selector or a file means no scenario
 */
export async function withSelected<T>(texts: readonly string[], example: string, use: Use<T>): Promise<T> {
  const selectors = parseSelectors([...texts], isFile)
  if (selectors.length === 0)
    throw new UsageError(`no scenario is selected: name one, as in torture ${example}, or see torture list scenarios`)
  const paths = [...new Set(selectors.filter(({ kind }) => kind === 'path').map(({ value }) => value))]
  for (const path of paths) checkFile(path)
  if (paths.length === 0) {
    const bundle = await builtinBundle()
    return use(select(selectors, bundle.manifest.scenarios, new Map()), bundle)
  }
  const unique = [...new Set(paths.map(path => resolve(path)))]
  const { withLinkedBundle } = await import('../bundle/make.ts')
  return withBuiltins(builtins =>
    withLinkedBundle({ ...builtinEntries(), user: unique }, builtins, made => {
      const files = new Map(paths.map(path => [path, made.user[unique.indexOf(resolve(path))]]))
      const selected = select(selectors, made.manifest.scenarios, files)
      return use(
        selected.map(one => ({ ...one, ...fileOf(one.scenario, made.user, unique) })),
        made,
      )
    }),
  )
}

/** The user's file behind a scenario, as the bundle names it: without links. */
function fileOf(scenario: ScenarioDescription, user: readonly ScenarioDescription[], files: readonly string[]) {
  const n = user.indexOf(scenario)
  return n < 0 ? {} : { file: realpathSync(files[n]) }
}

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
  } catch {
    // Several names in a row may be too long for one.
    return false
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch (error) {
    // A circle of links, a name too long, a folder that is not ours.
    throw new UsageError(`the scenario file ${path} cannot be looked at (${(error as NodeJS.ErrnoException).code})`)
  }
}

function checkFile(path: string): void {
  const stat = statOf(path)
  if (stat === undefined) throw new UsageError(`there is no scenario file ${path}`)
  if (!stat.isFile()) throw new UsageError(`${path} is not a file: name a scenario file`)
  if (!/\.m?[jt]s$/.test(path)) throw new UsageError(`${path}: a scenario file ends in .ts, .mts, .js or .mjs`)
}
