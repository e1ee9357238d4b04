/**
 * An esbuild plugin for what bundling would break in foreign code: files that are found at run time. Of assets named by
 * `new URL('./x', import.meta.url)` code is compiled, as a worker's entry, and data is copied; packages that look for
 * files of their own (native addons, `__dirname`, `require(name)`) stay outside and are copied whole.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import type { Message, Plugin } from 'esbuild'
import { UsageError } from '../errors.ts'

export interface Found {
  /** Packages to copy whole: folder by name. */
  readonly packages: Map<string, string>
  /** Assets: contents by path in the bundle. */
  readonly assets: Map<string, Uint8Array>
  /** Code that workers begin with: the compiled module's name, without extension, by path on disk. */
  readonly workers: Map<string, string>
}

/** How a module that was built for its own folder finds it. */
const AT_HOME = /\b__(dirname|filename)\b|\bimport\.meta\.(url|dirname|filename)\b|\.node\b['"`]/
const ASSET = /\bnew\s+URL\(\s*(['"`])(\.{1,2}\/[^'"`$\n]+)\1\s*,\s*import\.meta\.url\s*\)/g
const CODE = /\.[cm]?[jt]sx?$/
const NATIVE = ['bindings', 'node-gyp-build', 'prebuild-install', '@mapbox/node-pre-gyp', 'node-addon-api', 'nan']

export function foreignSources(userRoot: string, found: Found): Plugin {
  return {
    name: 'foreign-sources',
    setup(build) {
      build.onResolve({ filter: /^[^./]/, namespace: 'file' }, ({ path }) =>
        found.packages.has(packageName(path)) ? { path, external: true } : undefined,
      )
      build.onLoad({ filter: /\.[cm]?[jt]sx?$/, namespace: 'file' }, ({ path }) => {
        const home = packageFolder(path)
        if (home === undefined) return rewriteAssets(path, userRoot, found)
        if (isNative(home.folder) || AT_HOME.test(readFileSync(path, 'utf8')))
          found.packages.set(home.name, home.folder)
        return undefined
      })
    },
  }
}

/** What esbuild says of a module that is loaded by a name which is made up at run time. */
export const LOADS_BY_NAME = ['unsupported-require-call', 'unsupported-dynamic-import', 'require-resolve-not-external']

/** Packages whose files look for each other by such names go along whole. What is the user's own is theirs to know. */
export function takeWhole(warnings: readonly Message[], userRoot: string, found: Found): void {
  for (const { id, location } of warnings) {
    // Files on disk have the namespace 'file', or none.
    if (location === null || !['', 'file'].includes(location.namespace) || !LOADS_BY_NAME.includes(id)) continue
    const home = packageFolder(join(userRoot, location.file))
    if (home !== undefined) found.packages.set(home.name, home.folder)
  }
}

/** 'a/b' → 'a', '@s/a/b' → '@s/a' */
const packageName = (path: string) => path.split('/', path.startsWith('@') ? 2 : 1).join('/')

/** The package in node_modules that a file belongs to. */
function packageFolder(file: string): { name: string; folder: string } | undefined {
  const match = /^(.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+))[\\/]/.exec(file)
  return match === null ? undefined : { folder: match[1], name: match[2].replace('\\', '/') }
}

function isNative(folder: string): boolean {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return manifest.gypfile === true || NATIVE.some(name => manifest.dependencies?.[name] !== undefined)
}

/** Takes along what a user's file names by `new URL(…)`, and lets the compiled file look where it lies in the bundle. */
function rewriteAssets(path: string, userRoot: string, found: Found) {
  const source = readFileSync(path, 'utf8')
  let changed = false
  const contents = source.replace(ASSET, (_, quote: string, name: string) => {
    const asset = join(dirname(path), name)
    if (!existsSync(asset)) {
      const shown = `${relative(process.cwd(), path)}: new URL('${name}', import.meta.url)`
      throw new UsageError(`${shown}: there is no such file`)
    }
    changed = true
    const taken = CODE.test(asset) ? addWorker(asset, userRoot, found) : addAsset(asset, userRoot, found)
    return `new URL(${quote}./${taken}${quote}, import.meta.url)`
  })
  if (!changed) return undefined
  const extension = /\.[cm]?([jt]sx?)$/.exec(path)![1] as 'js' | 'ts'
  return { contents, loader: extension, resolveDir: dirname(path) }
}

const shortHash = (contents: string | Buffer) => createHash('sha256').update(contents).digest('hex').slice(0, 8)

/** The name depends on where the file lies below the user's root, not on who asked for it first. */
function addWorker(file: string, userRoot: string, found: Found): string {
  const name = basename(file).replace(CODE, '')
  const compiled = `worker-${name}-${shortHash(relative(userRoot, file).replaceAll('\\', '/'))}`
  found.workers.set(file, compiled)
  return `${compiled}.js`
}

/** Assets of equal names are told apart by their contents. What is compiled from a user's file lies at the bundle's top. */
function addAsset(asset: string, userRoot: string, found: Found): string {
  let contents: Buffer
  try {
    contents = readFileSync(asset)
  } catch (error) {
    throw new UsageError(`${relative(userRoot, asset)} cannot be copied into the bundle: ${(error as Error).message}`)
  }
  const path = `assets/${shortHash(contents)}-${basename(asset)}`
  found.assets.set(path, contents)
  return path
}
