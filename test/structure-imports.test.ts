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

/** A circle of imports that leaves its top-level folder, as a list of files, or undefined. */
function circle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  for (const start of graph.keys()) {
    const cameFrom = new Map<string, string>()
    const queue = [start]
    for (const at of queue) {
      for (const next of graph.get(at) ?? []) {
        if (cameFrom.has(next)) continue
        cameFrom.set(next, at)
        queue.push(next)
      }
    }
    if (!cameFrom.has(start)) continue
    const foreign = [...cameFrom.keys()].find(path => folderOf(path) !== folderOf(start) && reaches(graph, path, start))
    if (foreign) return [start, foreign]
  }
  return undefined
}

function reaches(graph: ReadonlyMap<string, readonly string[]>, from: string, to: string): boolean {
  const seen = new Set([from])
  for (const at of seen) {
    if (at === to) return true
    for (const next of graph.get(at) ?? []) seen.add(next)
  }
  return false
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

t.test('no circle of imports leaves its folder', async t => {
  t.equal(circle(graph), undefined)
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
  const round = new Map([
    ['remote/a.ts', ['torture/plan/b.ts']],
    ['torture/plan/b.ts', ['torture/c.ts']],
    ['torture/c.ts', ['remote/a.ts']],
  ])
  t.ok(circle(round))
  const inside = new Map([
    ['lib/a.ts', ['lib/b.ts', 'lib/c.ts']],
    ['lib/b.ts', ['lib/a.ts']],
  ])
  t.equal(circle(inside), undefined)
})
