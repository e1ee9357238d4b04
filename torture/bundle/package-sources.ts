/**
 * An esbuild plugin: the package's own sources live in a namespace of their own, named relative to the package. That
 * keeps where the package is installed out of the bundle, and makes harness, library and scenarios one module graph,
 * however they are imported: `torture`, `torture/lib`, or a relative path in a checkout. So do the packages that the
 * agent is made of, wherever npm has put them.
 */
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, extname, join, relative, sep } from 'node:path'
import type { OnResolveArgs, OnResolveResult, Plugin, PluginBuild } from 'esbuild'
import { packageRoot } from '../paths.ts'

export const NAMESPACE = 'torture'

/** What `import … from 'torture'` means in a scenario: its contract. The command's API has no place in a guest. */
export const EXPORTS: Readonly<Record<string, string>> = {
  torture: 'torture/scenario.ts',
  'torture/lib': 'lib/index.ts',
}

export const FOLDERS = ['torture', 'lib', 'scenarios', 'results', 'remote']

export const packageSources: Plugin = {
  name: 'package-sources',
  setup(build) {
    const root = realpathSync(packageRoot)
    const own = (path: string) => ({ path, namespace: NAMESPACE })
    const packages = new Packages(build, root)

    build.onResolve({ filter: /^torture(\/lib)?$/ }, ({ path }) => own(EXPORTS[path]))
    build.onResolve({ filter: /^torture:/, namespace: 'file' }, ({ path }) => own(path.slice(NAMESPACE.length + 1)))
    build.onResolve({ filter: /^torture:/, namespace: '' }, ({ path }) => own(path.slice(NAMESPACE.length + 1)))
    build.onResolve({ filter: /^[^./]/, namespace: NAMESPACE }, args => packages.resolve(args))
    build.onResolve({ filter: /^\.\.?(\/|$)/ }, args => {
      const { path, importer, namespace, resolveDir } = args
      if (namespace === NAMESPACE && isPackaged(importer)) return packages.resolve(args)
      const from = namespace === NAMESPACE ? join(root, dirname(importer)) : resolveDir
      const file = relative(root, join(from, path))
      if (!FOLDERS.includes(file.split(sep)[0]) || !existsSync(join(root, file))) return undefined
      return own(file.split(sep).join('/'))
    })
    build.onLoad({ filter: /^node_modules\//, namespace: NAMESPACE }, ({ path }) => packages.load(path))
    build.onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ path }) => ({
      contents: readFileSync(join(root, path), 'utf8'),
      loader: 'ts',
      resolveDir: join(root, dirname(path)),
    }))
  },
}

/** Whether a name in our namespace is that of a file of a package that our sources use. */
export const isPackaged = (path: string): boolean => path.startsWith('node_modules/')

/** A package where it is installed. */
interface Home {
  readonly folder: string
  /** With the version: npm may have put two side by side. */
  readonly name: string
  /** As its package.json says: patterns, or whether importing a file of it does something by itself. */
  readonly sideEffects: unknown
}

/** Files of packages, by a name that is the same wherever they are installed. */
class Packages {
  readonly #build: PluginBuild
  readonly #root: string
  readonly #files = new Map<string, string>()
  readonly #homes = new Map<string, Home>()

  constructor(build: PluginBuild, root: string) {
    this.#build = build
    this.#root = root
  }

  async resolve({ path, kind, importer }: OnResolveArgs): Promise<OnResolveResult | undefined> {
    const from = this.#files.get(importer) ?? join(this.#root, importer)
    const neighbour = /^\.\.?\//.test(path) ? this.#neighbour(from, join(dirname(from), path)) : undefined
    if (neighbour !== undefined) return neighbour
    const found = await this.#build.resolve(path, { kind, namespace: 'file', resolveDir: dirname(from) })
    if (found.errors.length > 0 || found.external || found.namespace !== 'file') return found
    return this.#own(found.path, found.sideEffects) ?? found
  }

  /** A file of the same package by its whole name. Asked, esbuild reads all folders up to the root, every time. */
  #neighbour(from: string, path: string): OnResolveResult | undefined {
    const home = this.#homeOf(path)
    if (home === undefined || home !== this.#homeOf(from) || typeof home.sideEffects !== 'boolean') return undefined
    return statSync(path, { throwIfNoEntry: false })?.isFile() ? this.#own(path, home.sideEffects) : undefined
  }

  #own(path: string, sideEffects: boolean): OnResolveResult | undefined {
    const home = this.#homeOf(path)
    if (home === undefined) return undefined
    const name = `${home.name}/${relative(home.folder, path)}`.split(sep).join('/')
    this.#files.set(name, path)
    return { path: name, namespace: NAMESPACE, sideEffects }
  }

  /** Undefined for what lies in no package. */
  #homeOf(path: string): Home | undefined {
    const [, folder, name] = /^(.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+))[\\/]/.exec(path) ?? []
    if (folder === undefined) return undefined
    let home = this.#homes.get(folder)
    if (home === undefined) {
      const { version, sideEffects = true } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      home = { folder, name: `node_modules/${name}@${version}`, sideEffects }
      this.#homes.set(folder, home)
    }
    return home
  }

  load(name: string) {
    const file = this.#files.get(name)!
    const loader = extname(name) === '.json' ? ('json' as const) : ('js' as const)
    // Their own maps lead to sources that are not there.
    const contents = readFileSync(file, 'utf8').replace(/^\/\/# sourceMappingURL=.*$/gm, '')
    return { contents, loader, resolveDir: dirname(file) }
  }
}
