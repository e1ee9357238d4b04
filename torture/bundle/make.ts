/** Makes a bundle: compiles, describes, writes the manifest, names it by its hash. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { hashFiles } from '../../results/bundle-text.ts'
import { UsageError } from '../errors.ts'
import { version } from '../paths.ts'
import { type Compiled, compile, type Entries } from './compile.ts'
import { describeModules } from './describer.ts'
import { BUGS } from './groups.ts'
import { Unlinked } from './linked.ts'
import {
  BUNDLE_SCHEMA,
  type Bundle,
  type LoadedBundle,
  MANIFEST,
  type Manifest,
  type ScenarioDescription,
} from './manifest.ts'
import { packageFiles, piscinaFiles } from './packages.ts'
import { onDisk } from './sources.ts'
import { writeFiles } from './store.ts'

export interface MadeBundle extends Bundle {
  /** The scenarios of `entries.user`, in that order. */
  readonly user: readonly ScenarioDescription[]
  /** What `src/user/` stands for on disk. */
  readonly userRoot: string
}

/**
 * Does something with a new bundle, which lies in a temporary folder until then and is gone afterwards. All of it is
 * compiled from the sources.
 */
export const withNewBundle = <T>(entries: Entries, use: (bundle: MadeBundle) => T | Promise<T>): Promise<T> =>
  withDraft(async dir => use(await makeWhole(entries, undefined, dir)))

/**
 * The same of the built-ins and some files of the user, which alone are compiled.
 * @param entries.scenarios,bugs of `builtins`, for files that need all of it to be compiled
 */
export const withLinkedBundle = <T>(
  entries: Entries,
  builtins: LoadedBundle,
  use: (bundle: MadeBundle) => T | Promise<T>,
): Promise<T> =>
  withDraft(async dir => {
    const { manifest } = builtins
    const compiled = await compileLinked(entries.user, builtins)
    if (compiled === undefined) return use(await makeWhole(entries, manifest, dir))
    const files = new Map([...builtins.files, ...compiled.files])
    return use(await finish({ ...compiled, files, inputs: [...manifest.inputs, ...compiled.inputs] }, manifest, dir))
  })

async function withDraft<T>(use: (dir: string) => Promise<T>): Promise<T> {
  const draft = mkdtempSync(join(tmpdir(), 'torture-bundle-'))
  try {
    // The temporary folder is ours alone, and copies keep their mode: the bundle in it is everybody's.
    return await use(join(draft, 'bundle'))
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

/** Undefined where the files use modules of the package that it does not export. */
async function compileLinked(user: readonly string[], { files }: LoadedBundle): Promise<Compiled | undefined> {
  try {
    return await compile({ scenarios: [], bugs: [], user }, files)
  } catch (error) {
    if (error instanceof Unlinked) return undefined
    throw error
  }
}

async function makeWhole(entries: Entries, known: Manifest | undefined, dir: string): Promise<MadeBundle> {
  const [compiled, piscina] = await Promise.all([
    compile(known === undefined ? entries : { ...entries, bugs: [] }),
    piscinaFiles(),
  ])
  const files = new Map([...compiled.files, ...piscina])
  // Node looks upwards for what kind of module a `.js` file is: say it here.
  files.set('package.json', Buffer.from('{ "type": "module" }\n'))
  return finish({ ...compiled, files }, known, dir)
}

/** @param known describes the built-in scenarios and bugs, where that is known already */
async function finish(compiled: Compiled, known: Manifest | undefined, dir: string): Promise<MadeBundle> {
  const { userRoot, packages, inputs } = compiled
  const files = new Map([...compiled.files, ...packageFiles(packages)])
  files.delete(MANIFEST)
  writeFiles(dir, files)

  const [{ scenarios, bugs }, user] = await Promise.all([
    known ?? describeBuiltins(dir, compiled),
    // Each in a child of its own: one that spoils its process must not be taken for its neighbour.
    Promise.all(compiled.user.map(async entry => (await describeModules(dir, 'scenario', [entry], { userRoot }))[0])),
  ])
  // A bug is nothing but its description, which is in the manifest now.
  files.delete(BUGS)
  rmSync(join(dir, BUGS), { force: true })

  const own = compiled.user.map((entry, n) => ({ ...user[n].scenario!, ...entry, builtin: false }))
  const manifest: Manifest = {
    schema: BUNDLE_SCHEMA,
    torture: version,
    scenarios: [...scenarios, ...own],
    bugs,
    inputs: [...inputs].sort(),
  }
  refuseTwins(manifest, userRoot)
  files.set(MANIFEST, Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`))
  writeFileSync(join(dir, MANIFEST), files.get(MANIFEST)!)
  return { hash: hashFiles(files), dir, temporary: true, manifest, user: own, userRoot }
}

async function describeBuiltins(dir: string, { scenarios, bugs, userRoot }: Compiled) {
  const [describedScenarios, describedBugs] = await Promise.all([
    describeModules(dir, 'scenario', scenarios, { userRoot }),
    describeModules(dir, 'bug', bugs, { userRoot }),
  ])
  return {
    scenarios: scenarios.map((entry, n) => ({ ...describedScenarios[n].scenario!, ...entry, builtin: true })),
    bugs: describedBugs.map(({ bug }) => bug!),
  }
}

/** A name must mean one scenario: instances, folders and reports go by it. */
function refuseTwins({ scenarios }: Manifest, userRoot: string): void {
  const seen = new Map<string, ScenarioDescription>()
  const shown = ({ source }: ScenarioDescription) => relative(process.cwd(), onDisk(source, { userRoot }))
  for (const scenario of scenarios) {
    const twin = seen.get(scenario.name)
    if (twin?.builtin)
      throw new UsageError(`${shown(scenario)}: '${scenario.name}' is the name of a built-in scenario: choose another`)
    if (twin !== undefined)
      throw new UsageError(
        `${shown(scenario)} and ${shown(twin)} are both named '${scenario.name}': rename one of them`,
      )
    seen.set(scenario.name, scenario)
  }
}
