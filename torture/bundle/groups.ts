/**
 * An esbuild plugin: what comes with the package is compiled folder by folder, each into one module of which every
 * scenario is an export. With an entry for each, esbuild makes a chunk for each set of them that has something in
 * common: a hundred of some lines, and Node takes longer to find one than to read what is not needed of a larger one.
 */
import type { Plugin } from 'esbuild'
import { packageRoot } from '../paths.ts'

/** The compiled module, relative to the bundle, and `#` with the name of the export that is meant; without: the default. */
export type ModuleName = string

const NAMESPACE = 'group'
const SCENARIO = /^(?:scenarios\/)?(?:([\w-]+)\/)?(.+)\.ts$/
/** Of all bugs. */
export const BUGS = 'bugs.js'

export interface Member {
  /** The module without its extension. */
  readonly group: string
  readonly name: string
  /** Relative to the package. */
  readonly file: string
}

/** `scenarios/mm/vma-lock.ts` is `vma-lock` of `scenarios/mm`. */
export function scenarioMember(file: string): Member {
  const [, folder = 'others', name] = SCENARIO.exec(file)!
  return { group: `scenarios/${folder}`, name, file }
}

export const bugMember = (file: string): Member => ({ group: BUGS.slice(0, -'.js'.length), name: file, file })

export const moduleOf = ({ group, name }: Member): ModuleName => `${group}.js#${name}`

/** Entry points of esbuild. */
export const entriesOf = (members: readonly Member[]) =>
  [...new Set(members.map(({ group }) => group))].map(group => ({ in: `${NAMESPACE}:${group}`, out: group }))

export function groups(members: readonly Member[]): Plugin {
  return {
    name: 'groups',
    setup(build) {
      build.onResolve({ filter: /^group:/ }, ({ path }) => ({
        path: path.slice(NAMESPACE.length + 1),
        namespace: NAMESPACE,
      }))
      build.onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ path }) => ({
        contents: members
          .filter(({ group }) => group === path)
          .map(({ name, file }) => `export { default as ${JSON.stringify(name)} } from './${file}'\n`)
          .join(''),
        resolveDir: packageRoot,
      }))
    },
  }
}
