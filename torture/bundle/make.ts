/** Makes a bundle: compiles, describes, writes the manifest, names it by its hash. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UsageError } from '../errors.ts'
import { version } from '../paths.ts'
import { type Compiled, compile, type Entries } from './compile.ts'
import { describeModules } from './describer.ts'
import { BUNDLE_SCHEMA, type Bundle, type Manifest, type ScenarioDescription } from './manifest.ts'
import { packageFiles, piscinaFiles } from './packages.ts'
import { hashFolder, writeFiles } from './store.ts'

export interface MadeBundle extends Bundle {
  /** The scenarios of `entries.user`, in that order. */
  readonly user: readonly ScenarioDescription[]
  /** What `src/user/` stands for on disk. */
  readonly userRoot: string
}

/**
 * Does something with a new bundle, which lies in a temporary folder until then and is gone afterwards.
 * @param known describes the built-in scenarios and bugs, where that is known already
 */
export async function withNewBundle<T>(
  entries: Entries,
  use: (bundle: MadeBundle) => T | Promise<T>,
  known?: Manifest,
): Promise<T> {
  const draft = mkdtempSync(join(tmpdir(), 'torture-bundle-'))
  try {
    // The temporary folder is ours alone, and copies keep their mode: the bundle in it is everybody's.
    return await use(await makeBundle(entries, known, join(draft, 'bundle')))
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

async function makeBundle(entries: Entries, known: Manifest | undefined, dir: string): Promise<MadeBundle> {
  const compiled = await compile(entries)
  const { userRoot } = compiled
  const files = new Map([...compiled.files, ...piscinaFiles(), ...packageFiles(compiled.packages)])
  // Node looks upwards for what kind of module a `.js` file is: say it here.
  files.set('package.json', Buffer.from('{ "type": "module" }\n'))
  writeFiles(dir, files)

  const [{ scenarios, bugs }, user] = await Promise.all([
    known ?? describeBuiltins(dir, compiled),
    // Each in a child of its own: one that spoils its process must not be taken for its neighbour.
    Promise.all(compiled.user.map(async entry => (await describeModules(dir, 'scenario', [entry], { userRoot }))[0])),
  ])
  const own = compiled.user.map((entry, n) => ({ ...user[n].scenario!, ...entry, builtin: false }))
  const manifest: Manifest = {
    schema: BUNDLE_SCHEMA,
    torture: version,
    scenarios: [...scenarios, ...own],
    bugs,
    inputs: compiled.inputs,
  }
  refuseTwins(manifest)
  writeFileSync(join(dir, 'bundle.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  return { hash: hashFolder(dir), dir, temporary: true, manifest, user: own, userRoot }
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
function refuseTwins({ scenarios }: Manifest): void {
  const seen = new Map<string, ScenarioDescription>()
  for (const scenario of scenarios) {
    const twin = seen.get(scenario.name)
    if (twin !== undefined) {
      throw new UsageError(
        `${scenario.source} and ${twin.source} are both named '${scenario.name}': rename one of them`,
      )
    }
    seen.set(scenario.name, scenario)
  }
}
