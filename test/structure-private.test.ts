/**
 * In a bundle private names are ordinary ones (torture/bundle/constants.ts): what a class keeps to itself must not have
 * the name of what the class that it extends keeps to itself.
 */
import { dirname, join } from 'node:path'
import t from 'tap'
import { readSource, sourcesIn } from './helpers/sources.ts'

const CLASS = /^(?:export )?(?:default )?(?:abstract )?class (\w+)(?:<.*?>)?(?: extends (\w+))?/
const MEMBER = /^ {2}(?:static |readonly |get |set |async |\*)*#(\w+)/

interface Shape {
  readonly base: string | undefined
  readonly names: Set<string>
}

/** By file and name of the class. */
const shapes = new Map<string, Shape>()
const sources = new Map<string, string>()
for (const file of ['lib', 'torture', 'scenarios', 'results'].flatMap(sourcesIn)) {
  const source = readSource(file)
  sources.set(file, source)
  let shape: Shape | undefined
  for (const line of source.split('\n')) {
    const found = CLASS.exec(line)
    if (found !== null) {
      shape = { base: found[2], names: new Set() }
      shapes.set(`${file} ${found[1]}`, shape)
    } else if (line.startsWith('}')) shape = undefined
    const name = MEMBER.exec(line)?.[1]
    if (name !== undefined) shape?.names.add(name)
  }
}

/** Of this file, or imported into it. */
function keyOf(file: string, name: string): string {
  const imported = new RegExp(`import (?:type )?\\{[^}]*\\b${name}\\b[^}]*\\} from '(\\.[^']+)'`).exec(
    sources.get(file)!,
  )
  return `${imported === null ? file : join(dirname(file), imported[1])} ${name}`
}

function* ancestors(key: string): Generator<string> {
  for (let at = key; ; ) {
    const base = shapes.get(at)?.base
    if (base === undefined) return
    at = keyOf(at.split(' ')[0], base)
    yield at
  }
}

const heirs = [...shapes].filter(([, { base }]) => base !== undefined)
const known = heirs.filter(([key]) => shapes.has([...ancestors(key)][0]))

t.ok(known.length > 5, 'there are classes that extend others of ours')
for (const [key, { names }] of known) {
  const shared = [...ancestors(key)].flatMap(base =>
    [...(shapes.get(base)?.names ?? [])].filter(name => names.has(name)),
  )
  t.strictSame(shared, [], key)
}
