/**
 * Compiles the guest, the library, the built-in scenarios and the user's files into one module graph; or the user's files
 * alone, linked to a bundle that has the rest. What comes out depends on the contents of the sources only, not on where
 * they lie: no absolute path gets into it.
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'
import type { BuildFailure, BuildResult, Metafile, OutputFile, Plugin } from 'esbuild'
import { UsageError } from '../errors.ts'
import { packageRoot } from '../paths.ts'
import { withConstants } from './constants.ts'
import { type Found, foreignSources, LOADS_BY_NAME, takeWhole } from './foreign.ts'
import { bugMember, entriesOf, groups, type Member, type ModuleName, moduleOf, scenarioMember } from './groups.ts'
import { packKept } from './kept.ts'
import { LINKS, linkedTo, Unlinked } from './linked.ts'
import { isPackaged, NAMESPACE, packageSources } from './package-sources.ts'

export interface Entries {
  /** Files of the package, relative to its folder. */
  readonly scenarios: readonly string[]
  readonly bugs: readonly string[]
  /** Absolute paths of the user's scenario files. */
  readonly user: readonly string[]
}

export interface Entry {
  readonly module: ModuleName
  readonly source: string
}

export interface Compiled {
  /** Contents by path, relative to the bundle. */
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly scenarios: readonly Entry[]
  readonly bugs: readonly Entry[]
  readonly user: readonly Entry[]
  /** Paths in `src/`, packed or not. */
  readonly inputs: readonly string[]
  /** Packages that cannot be bundled and must be copied whole: folder by name. */
  readonly packages: ReadonlyMap<string, string>
  /** What `src/user/` stands for on disk. */
  readonly userRoot: string
}

const MACHINERY = {
  guest: 'torture/guest/main.ts',
  thread: 'torture/guest/thread.ts',
  describe: 'torture/bundle/describe.ts',
  agent: 'torture/agent/main.ts',
}

/** CommonJS packages inside an ES module need a `require`. */
const BANNER =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);"

/**
 * @param builtins files of a bundle that the user's are linked to: they alone are compiled then
 * @throws UsageError where a user's file does not compile; Unlinked where it imports what `builtins` does not export
 */
export async function compile(entries: Entries, builtins?: ReadonlyMap<string, Uint8Array>): Promise<Compiled> {
  const user = entries.user.map(path => realpathSync(path))
  const userRoot = commonRoot(user)
  const names = uniqueNames(user)
  const scenarios = entries.scenarios.map(scenarioMember)
  const bugs = entries.bugs.map(bugMember)
  const members = [...scenarios, ...bugs]
  const linking = builtins === undefined ? [groups(members), packageSources] : [linkedTo(builtins)]
  const found: Found = { packages: new Map(), assets: new Map(), workers: new Map() }
  const own = builtins === undefined ? ownEntries(members) : []
  let result: Result
  let known: number
  // What turned out not to be bundleable is left outside in the next pass, and what workers begin with joins it.
  do {
    known = found.packages.size + found.workers.size
    result = await bundle([...own, ...users(user, names)], userRoot, found, linking)
    takeWhole(result.warnings, userRoot, found)
  } while (found.packages.size + found.workers.size > known)

  const { files, kept } = compiledFiles(result.outputFiles, userRoot)
  for (const [path, contents] of found.assets) files.set(path, contents)
  const inputs: string[] = []
  for (const input of Object.keys(result.metafile.inputs)) {
    const path = storedSource(input)
    if (path === undefined) continue
    inputs.push(path)
    const place = path.startsWith(OURS) ? kept : files
    place.set(path, readFileSync(onDisk(input, userRoot)))
  }
  // What the user's files are linked to brings its own.
  if (builtins === undefined) files.set(...packKept(kept))
  return {
    files,
    scenarios: scenarios.map(packaged),
    bugs: bugs.map(packaged),
    user: user.map((path, n) => ({ module: `user-${names[n]}.js`, source: userSource(relative(userRoot, path)) })),
    inputs: inputs.sort(),
    packages: found.packages,
    userRoot,
  }
}

type Result = BuildResult<{ write: false; metafile: true }> & { outputFiles: OutputFile[]; metafile: Metafile }

interface EntryPoint {
  readonly in: string
  readonly out: string
}

function ownEntries(members: readonly Member[]): EntryPoint[] {
  const own = (out: string, file: string) => ({ in: `${NAMESPACE}:${file}`, out })
  return [
    ...Object.entries(MACHINERY).map(([out, file]) => own(out, file)),
    ...Object.entries(LINKS).map(([file, out]) => own(out, file)),
    ...entriesOf(members),
  ]
}

const users = (files: readonly string[], names: readonly string[]): EntryPoint[] =>
  files.map((path, n) => ({ in: path, out: `user-${names[n]}` }))

async function bundle(
  entries: readonly EntryPoint[],
  userRoot: string,
  found: Found,
  linking: readonly Plugin[],
): Promise<Result> {
  const { build } = await import('esbuild')
  try {
    return await build({
      entryPoints: [...entries, ...[...found.workers].map(([path, out]) => ({ in: path, out }))],
      absWorkingDir: userRoot,
      outdir: join(userRoot, 'out'),
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node20.11',
      // Everything but scenarios lies side by side: a module finds its neighbours whatever chunk it got into.
      chunkNames: 'chunk-[hash]',
      assetNames: 'assets/[name]-[hash]',
      loader: { '.node': 'copy' },
      sourcemap: 'external',
      sourcesContent: false,
      legalComments: 'none',
      keepNames: true,
      metafile: true,
      write: false,
      logLevel: 'silent',
      logOverride: Object.fromEntries(LOADS_BY_NAME.map(id => [id, 'warning'])),
      banner: { js: BANNER },
      plugins: [...linking, foreignSources(userRoot, found)],
    })
  } catch (error) {
    throw compileError(error as BuildFailure, userRoot)
  }
}

/** The first thing that esbuild has to say, in one line with the place. */
function compileError(error: BuildFailure, userRoot: string): Error {
  const first = error.errors?.[0]
  if (first === undefined) return error
  if (first.detail instanceof UsageError || first.detail instanceof Unlinked) return first.detail
  const at = first.location
  if (at === null) return new UsageError(first.text)
  const path = at.namespace === NAMESPACE ? at.file : relative(process.cwd(), join(userRoot, at.file))
  return new UsageError(`${path}:${at.line}:${at.column + 1}: ${first.text}`)
}

/** What esbuild made, by path in the bundle: maps of the user's sources lie beside their modules, others are kept. */
function compiledFiles(made: readonly OutputFile[], userRoot: string) {
  const files = new Map<string, Uint8Array>()
  const kept = new Map<string, Uint8Array>()
  for (const file of made) {
    const path = posix(relative(join(userRoot, 'out'), file.path))
    if (path.endsWith('.js')) files.set(path, Buffer.from(withConstants(file.text)))
    else if (!path.endsWith('.map')) files.set(path, file.contents)
  }
  for (const file of made.filter(({ path }) => path.endsWith('.js.map'))) {
    const path = posix(relative(join(userRoot, 'out'), file.path))
    const map = withSources(file, path, userRoot)
    const contents = Buffer.from(JSON.stringify(map))
    if (isTheirs(map)) {
      files.set(path, contents)
      const module = path.slice(0, -'.map'.length)
      files.set(module, Buffer.concat([files.get(module)!, Buffer.from(`//# sourceMappingURL=${basename(path)}\n`)]))
    } else kept.set(path, contents)
  }
  return { files, kept }
}

interface SourceMap {
  sources: string[]
}

const isTheirs = ({ sources }: SourceMap) => sources.some(source => source.includes(THEIRS))

/** A source map that leads to `src/`. */
function withSources(file: OutputFile, path: string, userRoot: string): SourceMap {
  const map = JSON.parse(file.text) as SourceMap
  const up = path.includes('/') ? '../' : ''
  map.sources = map.sources.map(source => {
    if (source.startsWith(`${NAMESPACE}:`)) return up + (storedSource(source) ?? source.slice(NAMESPACE.length + 1))
    const input = posix(relative(userRoot, join(dirname(file.path), source)))
    return up + (storedSource(input) ?? source)
  })
  return map
}

const posix = (path: string) => path.split(sep).join('/')

/** Sources of the package, and all others. */
const OURS = 'src/torture/'
const THEIRS = 'src/user/'

/** Where the bundle keeps a source; undefined for what esbuild made up, and for packages that we are made of. */
function storedSource(input: string): string | undefined {
  if (input.startsWith(`${NAMESPACE}:`)) {
    const path = input.slice(NAMESPACE.length + 1)
    return isPackaged(path) ? undefined : `${OURS}${path}`
  }
  return /^[\w-]+:/.test(input) || input.startsWith('<') ? undefined : userSource(input)
}

/** What lies above the user's root keeps its place relative to it, under another name. */
const userSource = (path: string) => `${THEIRS}${posix(path).replaceAll('../', '_up/')}`

function onDisk(input: string, userRoot: string): string {
  if (input.startsWith(`${NAMESPACE}:`)) return join(packageRoot, input.slice(NAMESPACE.length + 1))
  return join(userRoot, input)
}

const packaged = (member: Member): Entry => ({ module: moduleOf(member), source: `${OURS}${member.file}` })

/**
 * File names without extension, told apart by a number where two are equal. They get into URLs: what means something
 * there is replaced.
 */
function uniqueNames(paths: readonly string[]): string[] {
  const seen = new Map<string, number>()
  return paths.map(path => {
    const name = basename(path)
      .replace(/\.[cm]?[jt]s$/, '')
      .replace(/[#?%\\]/g, '_')
    const n = (seen.get(name) ?? 0) + 1
    seen.set(name, n)
    return n === 1 ? name : `${name}-${n}`
  })
}

/** The nearest folder with a package.json above a user's file, or its own folder; of several files, what is common. */
function commonRoot(files: readonly string[]): string {
  if (files.length === 0) return realpathSync(packageRoot)
  const roots = files.map(file => {
    for (let dir = dirname(file); ; dir = dirname(dir)) {
      if (existsSync(join(dir, 'package.json'))) return dir
      if (dir === dirname(dir)) return dirname(file)
    }
  })
  return roots.reduce((a, b) => {
    while (relative(a, b).startsWith('..')) a = dirname(a)
    return a
  })
}
