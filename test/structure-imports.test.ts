/** Who may know whom: imports go one way through the house. */
import { builtinModules } from 'node:module'
import { posix } from 'node:path'
import t from 'tap'
import { readSource, sourcesIn } from './helpers/sources.ts'

const FOLDERS = ['lib', 'results', 'scenarios', 'remote', 'torture']
const CONTRACT = 'torture/scenario.ts'

/** Where the files of each folder may import from: path prefixes. */
const MAY_KNOW: Readonly<Record<string, readonly string[]>> = {
  lib: ['lib/'],
  results: ['results/'],
  scenarios: ['scenarios/', 'lib/', CONTRACT],
  remote: ['remote/', 'results/', 'torture/plan/'],
  torture: ['torture/', 'results/', 'lib/', 'remote/'],
}

/** What a source imports, exports on, or loads later; of types, too. */
function specifiersOf(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
  const statement = /(?:^|\n)\s*(?:import|export)\b(?:[^'"`;()]*?\bfrom)?\s*['"]([^'"]+)['"]/g
  const later = /\bimport\(\s*['"]([^'"]+)['"]/g
  return [...code.matchAll(statement), ...code.matchAll(later)].map(match => match[1])
}

/** Own files as paths from the root; packages as they are. */
function importsOf(path: string, source = readSource(path)): string[] {
  return specifiersOf(source).map(name =>
    name.startsWith('.') ? posix.normalize(posix.join(posix.dirname(path), name)) : name,
  )
}

const isOwn = (name: string) => FOLDERS.some(folder => name.startsWith(`${folder}/`)) || name.startsWith('..')
const folderOf = (path: string) => path.slice(0, path.indexOf('/'))

/** Why a file may not import that, or undefined. */
function objection(path: string, name: string): string | undefined {
  const folder = folderOf(path)
  if (!isOwn(name)) {
    const builtin = name.startsWith('node:') || builtinModules.includes(name)
    return builtin || !['lib', 'scenarios'].includes(folder) ? undefined : `${path} needs the package ${name}`
  }
  if (path === CONTRACT) return `the contract stands alone, and imports ${name}`
  return MAY_KNOW[folder].some(prefix => name.startsWith(prefix)) ? undefined : `${path} knows ${name}`
}

/** All that a file's imports lead to; itself only where they come back to it. */
function reachedFrom(start: string, graph: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const reached = new Set(graph.get(start))
  for (const at of reached) for (const next of graph.get(at) ?? []) reached.add(next)
  return reached
}

/** The groups of files that import each other, each sorted. */
function circlesIn(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const reached = new Map([...graph.keys()].map(path => [path, reachedFrom(path, graph)]))
  const circles = new Map<string, string[]>()
  for (const [path, from] of reached) {
    if (!from.has(path)) continue
    const circle = [...from].filter(other => reached.get(other)?.has(path)).sort()
    circles.set(circle[0], circle)
  }
  return [...circles.values()]
}

const files = FOLDERS.flatMap(sourcesIn)
const graph = new Map(files.map(path => [path, importsOf(path)]))

t.test('every own import was found, and leads to a file', async t => {
  t.ok(files.length > 100, `${files.length} files`)
  const own = [...graph.values()].flat().filter(isOwn)
  t.ok(own.length > 300, `${own.length} imports`)
  t.same(
    own.filter(path => path.endsWith('.ts') && !graph.has(path)),
    [],
  )
})

t.test('nobody imports what they may not know; torture knows no scenario', async t => {
  const wrong = [...graph].flatMap(([path, names]) => names.map(name => objection(path, name)).filter(Boolean))
  t.same(wrong, [])
})

t.test('no files import each other in a circle, not even for a type', async t => {
  t.same(circlesIn(graph), [])
})

t.test('the checks notice what is wrong', async t => {
  const seen = (path: string, source: string) =>
    importsOf(path, source)
      .map(name => objection(path, name))
      .filter(Boolean)
  t.same(seen('lib/mm/x.ts', "import { a } from '../shm/a.ts'\nimport fs from 'node:fs'"), [])
  t.same(seen('lib/mm/x.ts', "import { a } from '../../torture/paths.ts'"), ['lib/mm/x.ts knows torture/paths.ts'])
  t.same(seen('lib/x.ts', "import type {\n  A,\n  B,\n} from '../results/schema.ts'"), [
    'lib/x.ts knows results/schema.ts',
  ])
  t.same(seen('lib/x.ts', "import esbuild from 'esbuild'"), ['lib/x.ts needs the package esbuild'])
  t.same(seen('results/x.ts', "export { a } from '../lib/index.ts'"), ['results/x.ts knows lib/index.ts'])
  t.same(seen('scenarios/x.ts', "import '../torture/errors.ts'"), ['scenarios/x.ts knows torture/errors.ts'])
  t.same(seen('scenarios/x.ts', "import { S } from '../torture/scenario.ts'"), [])
  t.same(seen('torture/x.ts', "await import('../scenarios/rcu/rcu.ts')"), ['torture/x.ts knows scenarios/rcu/rcu.ts'])
  t.same(seen('remote/x.ts', "import { p } from '../torture/plan/plan.ts'"), [])
  t.same(seen('remote/x.ts', "import { p } from '../torture/runner/x.ts'"), ['remote/x.ts knows torture/runner/x.ts'])
  t.same(
    seen('lib/x.ts', "// import a from '../torture/a.ts'\n/** import('../torture/b.ts') */"),
    [],
    'not in comments',
  )
  const tied = new Map([
    ['lib/above.ts', ['lib/a.ts', 'node:fs']],
    ['lib/a.ts', ['lib/b.ts', 'lib/below.ts']],
    ['lib/b.ts', ['lib/a.ts']],
    ['lib/below.ts', []],
    ['remote/c.ts', ['torture/plan/d.ts']],
    ['torture/plan/d.ts', ['torture/e.ts']],
    ['torture/e.ts', ['remote/c.ts']],
    ['torture/itself.ts', ['torture/itself.ts']],
  ])
  t.same(circlesIn(tied), [
    ['lib/a.ts', 'lib/b.ts'],
    ['remote/c.ts', 'torture/e.ts', 'torture/plan/d.ts'],
    ['torture/itself.ts'],
  ])
  t.same(importsOf('lib/a.ts', "export type B = import('./b.ts').B"), ['lib/b.ts'], 'types, too')
})
