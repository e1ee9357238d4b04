/**
 * The patterns are made to be read: each file says which command shows it, and what that prints. Here the commands are
 * carried out, and what the files quote must be of the form that they print now. `UPDATE_PATTERNS=1` writes it anew.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { parseSelectors, select } from '../torture/plan/selector.ts'
import type { Scenario } from '../torture/scenario.ts'
import { workspace } from './helpers/cli.ts'

const ROOT = new URL('../scenarios/patterns/', import.meta.url)
const namesIn = (folder: string) =>
  readdirSync(new URL(folder, ROOT))
    .filter(name => name.endsWith('.ts'))
    .map(name => name.slice(0, -'.ts'.length))
    .sort()
const load = async (file: string): Promise<Scenario> => (await import(`../scenarios/patterns/${file}.ts`)).default

t.setTimeout(300_000)

const UPDATE = process.env.UPDATE_PATTERNS !== undefined

const files = namesIn('.')
const HEADER = /^\/\*\*\n([\s\S]*?)\n \*\//

/** The prose, the command, and what it prints, as the file has them. */
function headerOf(path: string): { prose: string; command: string; quoted: string[] } {
  const lines = HEADER.exec(readFileSync(new URL(path, ROOT), 'utf8'))![1]!
    .split('\n')
    .map(line => line.slice(3))
  const at = lines.findIndex(line => line.startsWith('$ npx torture '))
  return { prose: lines.slice(0, at).join('\n'), command: lines[at]!, quoted: lines.slice(at + 1) }
}

/** What is worth quoting of an output: a certificate, or an interleaving without the places in the source. */
function quote(output: string, name: string): string[] {
  const lines = output.split('\n')
  const from = lines.findIndex(line => /^[✔✖] /.test(line) && line.includes(` ${name}.1  `) && !/ after \d/.test(line))
  const length = lines.slice(from + 1).findIndex(line => /^([✔✖] |[A-Z]{4,} {2})/.test(line))
  const block = lines.slice(from, from + 1 + length)
  if (block[0]!.startsWith('✔'))
    return [
      block[0]!,
      ...block.filter(line => /^ {2}(work|proof) /.test(line)).map(line => line.replace(/ within .*/, ' …')),
    ]
  const steps = block.slice(
    block.findIndex(line => line.startsWith('step ')),
    block.findIndex(line => line.startsWith('found by')) + 1,
  )
  return [
    block[0]!,
    ...steps.map(line =>
      line
        .replace(/ {2,}\S+\.ts:\d+:\d+$/, '')
        .replace(/╌{31,}/g, '╌'.repeat(30))
        .trimEnd(),
    ),
  ]
}

/** Kinds of lines: another schedule of the same failure is of the same form. */
function form(lines: readonly string[]): string[] {
  const kinds = lines
    .filter(line => line !== '' && !line.includes('╌'))
    .map(line => {
      if (/^ {2,3}\d{1,2} {2,}\S/.test(line)) return 'a step'
      if (line.startsWith('  work')) return line.replace(/[\d.]+( k|\b)/g, '#').replace(/\b(ms|s)\b/g, 'time')
      return line
        .replace(/ {2,}/g, '  ')
        .replace(/\d+/g, '#')
        .replace(/found by \w+/, 'found by one')
    })
  return kinds.filter((kind, n) => kind !== kinds[n - 1])
}

/** What the files should quote, by path. */
const actual = new Map<string, string[]>()

t.test('each is a pair, and the tags find those that are right', async t => {
  t.ok(files.length >= 12)
  t.same(namesIn('bad/'), files)
  t.same(
    files.map(name => name.slice(0, 2)),
    files.map((_, n) => String(n + 1).padStart(2, '0')),
    'numbered',
  )
  const all: { name: string; tags: readonly string[] }[] = []
  for (const file of files) {
    const [good, bad] = [await load(file), await load(`bad/${file}`)]
    t.same([good.name, bad.name], [file, `${file}-bad`])
    t.same([good.tags, bad.tags], [['pattern', 'lockless'], ['bad']])
    all.push({ name: good.name, tags: good.tags! }, { name: bad.name, tags: bad.tags! })
  }
  for (const selector of ['tag:pattern', 'tag:lockless', '*'])
    t.same(
      select(parseSelectors([selector]), all).map(({ scenario }) => scenario.name),
      files,
    )
})

t.test('each teaches: prose, its source, and one step that is wrong', async t => {
  for (const file of files) {
    const { prose, command } = headerOf(`${file}.ts`)
    t.match(prose, new RegExp(`^${file.slice(0, 2)}\\. \\S`))
    t.match(prose, /LWN\.net, \d+ (February|March) 2021/, `${file}: the article`)
    t.ok(prose.length > 500, `${file}: prose`)
    t.equal(command, `$ npx torture explore ${file} --seed 1 --cpus 1`)
    const bad = headerOf(`bad/${file}.ts`)
    t.match(bad.prose, new RegExp(`^${file.slice(0, 2)}, wrong: \\S`))
    t.match(
      bad.command,
      new RegExp(`^\\$ npx torture explore ${file}-bad (--memory-model (tso|pso) )?--seed 1 --cpus 1$`),
    )
    const source = readFileSync(new URL(`bad/${file}.ts`, ROOT), 'utf8').replace(HEADER, '')
    t.equal(source.match(/\/\/ wrong: \w/g)?.length, 1, `${file}: one line is marked as wrong`)
    t.notMatch(source, /\b(setup|threads|check|run):/, `${file}: the algorithm is that of the right one`)
  }
})

t.test('all that are right are certified', async t => {
  const { stdout, status } = await workspace(t).torture('explore', 'tag:pattern', '--seed', '1', '--cpus', '1')
  t.equal(status, 0, stdout)
  for (const file of files) actual.set(`${file}.ts`, quote(stdout, file))
})

t.test('each that is wrong fails', async t => {
  const { torture } = workspace(t)
  // To be quoted, and where a search has no end of its own, each by a command of its own.
  const commands = new Map<string, string[]>()
  for (const file of files) {
    const flags = headerOf(`bad/${file}.ts`).command.split(' ').slice(5).join(' ')
    const key = UPDATE || flags.includes('--memory-model') ? `${file} ${flags}` : flags
    commands.set(key, [...(commands.get(key) ?? []), file])
  }
  for (const [key, some] of commands) {
    const flags = key.split(' ').filter(word => !files.includes(word))
    // Without these the first failure would be the only one.
    const all = some.length > 1 ? ['--keep-going', '--executions', '30'] : []
    const { stdout, status } = await torture('explore', ...some.map(file => `${file}-bad`), ...flags, ...all)
    t.equal(status, 1, stdout)
    for (const file of some) actual.set(`bad/${file}.ts`, quote(stdout, `${file}-bad`))
  }
})

t.test('the files quote what is printed', async t => {
  for (const [path, printed] of actual) {
    const file = new URL(path, ROOT)
    const { prose, command, quoted } = headerOf(path)
    if (UPDATE) {
      const lines = [...prose.split('\n'), command, ...printed].map(line => ` * ${line}`.trimEnd())
      writeFileSync(
        file,
        readFileSync(file, 'utf8').replace(HEADER, () => `/**\n${lines.join('\n')}\n */`),
      )
    } else t.same(form(quoted), form(printed), path)
  }
})
