/**
 * An esbuild plugin: what a user's file imports from the package is not compiled again but linked to the bundle of the
 * built-ins, beside which the compiled file will lie. There is one instance of every module of the library then, and
 * compiling costs what the user's own files do.
 */
import { existsSync, realpathSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import type { OnResolveResult, Plugin } from 'esbuild'
import { packageRoot } from '../paths.ts'
import { EXPORTS, FOLDERS } from './package-sources.ts'

/** The compiled modules of what the package exports, by source: entries of every bundle of built-ins. */
export const LINKS: Readonly<Record<string, string>> = { 'torture/scenario.ts': 'contract', 'lib/index.ts': 'lib' }

/** A user's file imports a module of the package that is no entry: all has to be compiled together. */
export class Unlinked extends Error {}

const NAMESPACE = 'linked'

/** @param builtins files of their bundle: where it lies, somebody may be replacing it */
export function linkedTo(builtins: ReadonlyMap<string, Uint8Array>): Plugin {
  return {
    name: 'linked',
    setup(build) {
      const root = realpathSync(packageRoot)
      const linked = (source: string): OnResolveResult =>
        LINKS[source] === undefined
          ? { errors: [{ text: `${source} is not exported`, detail: new Unlinked(source) }] }
          : { path: LINKS[source], namespace: NAMESPACE, sideEffects: false }

      build.onResolve({ filter: /^torture(\/lib)?$/ }, ({ path }) => linked(EXPORTS[path]))
      build.onResolve({ filter: /^\.\.?(\/|$)/ }, ({ path, namespace, resolveDir }) => {
        // Whoever uses nothing of a module does not load it.
        if (namespace === NAMESPACE) return { path, external: true, sideEffects: false }
        const file = relative(root, join(resolveDir, path)).split(sep).join('/')
        return FOLDERS.includes(file.split('/')[0]) && existsSync(join(root, file)) ? linked(file) : undefined
      })
      build.onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ path }) => ({
        contents: reexports(`./${path}.js`, Buffer.from(builtins.get(`${path}.js`)!).toString()),
        loader: 'js',
      }))
    },
  }
}

/**
 * What a compiled entry exports, from where that is: the entry itself loads everything, and its chunks only a part.
 * What is not found to come from a chunk comes from the entry, which is never wrong.
 */
export function reexports(entry: string, code: string): string {
  const chunks = new Map<string, string>()
  for (const [, names, chunk] of code.matchAll(/^import \{([^}]*)\} from "(\.\/[^"]+)";$/gm)) {
    for (const [imported, local] of pairs(names)) chunks.set(local, `${imported}\0${chunk}`)
  }
  const lines: string[] = []
  for (const [, names] of code.matchAll(/^export \{([^}]*)\};$/gm)) {
    for (const [local, exported] of pairs(names)) {
      const [imported, chunk] = chunks.get(local)?.split('\0') ?? [exported, entry]
      lines.push(`export { ${imported} as ${exported} } from '${chunk}'\n`)
    }
  }
  return lines.join('')
}

/** 'a as b, c' → [['a', 'b'], ['c', 'c']] */
const pairs = (names: string): [string, string][] =>
  names
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '')
    .map(name => name.split(/\s+as\s+/))
    .map(([from, to = from]) => [from, to])
