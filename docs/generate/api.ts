/**
 * Writes docs/api.md from the doc comments of what the package exports: `npm run api`. The declarations are those that
 * tsc emits, so a signature on the page is the one that a user's editor shows. No documentation tool is in between:
 * those that know TypeScript need the compiler's JavaScript interface, which TypeScript 7 does not have.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Declaration, type Module, takeApart } from './declarations.ts'
import { prose } from './prose.ts'
import { withShapes } from './shapes.ts'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** What a scenario file or a test runner imports, and where that begins. */
const ENTRIES = [
  {
    name: 'torture',
    file: 'torture/api.ts',
    names: 'defineScenario, run, explore',
    about: 'What scenario files import, and `run` and `explore` for test runners.',
  },
  {
    name: 'torture/lib',
    file: 'lib/index.ts',
    names: 'ArenaBuilder, Rwsem',
    about: 'What the built-in scenarios torture, for use on its own.',
  },
]

/** The page, as it must be for the present sources. */
export function apiPage(): string {
  const out = mkdtempSync(join(tmpdir(), 'torture-api-'))
  try {
    emitDeclarations(out)
    return new Page(out).text()
  } finally {
    rmSync(out, { recursive: true })
  }
}

function emitDeclarations(out: string): void {
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  try {
    // Without what a test runner adds to every child: its loaders write into folders of its own, and fail with those.
    const { NODE_OPTIONS: _, ...env } = process.env
    execFileSync(process.execPath, [compiler, '-p', root, '--emitDeclarationOnly', '--outDir', out], {
      stdio: 'ignore',
      env,
    })
  } catch {
    // Type errors are for `npm run types` to tell; the declarations are there all the same.
  }
}

class Page {
  readonly #out: string
  readonly #lines: string[] = []
  readonly #told = new Set<string>()

  constructor(out: string) {
    this.#out = out
  }

  text(): string {
    this.#say('# API')
    this.#say(
      'Made by `npm run api` from the doc comments in the sources: do not edit it. What a scenario is and does is told in [writing a scenario](writing-a-scenario.md); this page is for looking things up.',
    )
    for (const { name, file, names, about } of ENTRIES) {
      this.#say(`## ${name}`)
      this.#say(about)
      this.#code(`import { ${names} } from '${name}'`)
      const { declarations, passedOn } = this.#module(file)
      const begin = this.#lines.length
      this.#declarations(declarations, '*')
      for (const { names, from } of passedOn) this.#passOn(names, beside(file, from))
      const files = this.#lines.slice(begin).flatMap(line => /^### (.*)$/.exec(line)?.[1] ?? [])
      const links = files.map(heading => `[${heading}](#${heading.replaceAll(/[^\w-]/g, '')})`)
      this.#lines.splice(begin, 0, links.join(' · '), '')
    }
    return `${this.#lines.join('\n').trimEnd()}\n`
  }

  #say(text: string): void {
    if (text !== '') this.#lines.push(text, '')
  }

  #code(code: string): void {
    this.#say(`\`\`\`ts\n${code}\n\`\`\``)
  }

  /** What an entry passes on from a file, under the file's name and what that says of itself. */
  #passOn(names: string, file: string): void {
    const key = `${file} ${names}`
    if (this.#told.has(key)) return
    this.#told.add(key)
    const { declarations, passedOn } = this.#module(file)
    const space = /^\* as (\w+)$/.exec(names)?.[1]
    this.#say(`### ${space ?? file.replace(/\.ts$/, '')}`)
    this.#say(this.#header(file))
    if (space !== undefined) this.#say(`What follows are members of \`${space}\`.`)
    this.#declarations(declarations, names.startsWith('*') ? '*' : names)
    if (names.startsWith('*')) for (const on of passedOn) this.#passOn(on.names, beside(file, on.from))
  }

  #declarations(all: readonly Declaration[], names: string): void {
    const chosen = chosenOf(all, names)
    const codes = withShapes(chosen.map(({ code }) => code))
    for (const name of new Set(chosen.map(it => it.name))) {
      const overloads = chosen.flatMap((it, n) => (it.name === name ? [{ ...it, code: codes[n]! }] : []))
      this.#say(`#### ${name}`)
      for (const { comment } of overloads) this.#say(prose(comment))
      this.#code(overloads.map(({ code }) => code).join('\n'))
    }
  }

  #module(file: string): Module {
    return takeApart(readFileSync(join(this.#out, file.replace(/\.ts$/, '.d.ts')), 'utf8'))
  }

  /** The comment at a source's beginning, when it is the file's and not that of its first declaration. */
  #header(file: string): string {
    const source = readFileSync(join(root, file), 'utf8')
    return prose(/^\/\*\*(.*?)\*\/\n(?:\n|import )/s.exec(source)?.[1] ?? '')
  }
}

const beside = (file: string, from: string) => posix.join(posix.dirname(file), from)

/** Those that are named, and what is not exported and yet stands in their signatures. */
function chosenOf(all: readonly Declaration[], names: string): Declaration[] {
  const isNamed = ({ name, exported }: Declaration) =>
    names === '*' ? exported : new RegExp(`(^|[ ,])${name}($|,| )`).test(names.replaceAll(/\s+/g, ' '))
  const chosen = new Set(all.filter(isNamed))
  for (const { code } of chosen) {
    // What is added meanwhile is looked through as well.
    if (code.includes('typeof validate.')) continue
    for (const it of all) if (!it.exported && new RegExp(`\\b${it.name}\\b`).test(code)) chosen.add(it)
  }
  return all.filter(it => chosen.has(it))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(join(root, 'docs/api.md'), apiPage())
