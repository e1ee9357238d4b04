import { readFileSync } from 'node:fs'
import t from 'tap'

const page = readFileSync('docs/dependencies.md', 'utf8')
const { dependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8'))

/** The packages of the table under a heading, each with its reason. */
function table(heading: string): Map<string, string> {
  const from = page.indexOf(`\n## ${heading}\n`)
  const rows = page.slice(from, page.indexOf('\n## ', from + 1)).matchAll(/^\| `([^`]+)` *\| ([^|]*)\|/gm)
  return new Map([...rows].map(([, name, reason]) => [name!, reason!.trim()]))
}

for (const [heading, packages] of [
  ['At run time', dependencies],
  ['For development', devDependencies],
] as const) {
  t.test(`${heading.toLowerCase()}: each dependency is named with its reason, and no other`, async t => {
    const rows = table(heading)
    t.same([...rows.keys()].sort(), Object.keys(packages).sort())
    for (const [name, reason] of rows) t.not(reason, '', name)
  })
}
