/** The classics come in pairs: a right one, and a twin that is wrong in one step and says so. */
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { parseSelectors, select } from '../torture/plan/selector.ts'
import type { Scenario } from '../torture/scenario.ts'

const ROOT = new URL('../scenarios/classics/', import.meta.url)
const namesIn = (folder: string) =>
  readdirSync(new URL(folder, ROOT))
    .filter(name => name.endsWith('.ts') && !name.startsWith('_'))
    .map(name => name.slice(0, -'.ts'.length))
    .sort()
const load = async (file: string): Promise<Scenario> => (await import(`../scenarios/classics/${file}.ts`)).default

interface Twins {
  readonly file: string
  readonly good: Scenario
  readonly bad: Scenario
}

const files = namesIn('.')
const twins: Twins[] = await Promise.all(
  files.map(async file => ({ file, good: await load(file), bad: await load(`bad/${file}`) })),
)

t.test('each has its twin, and no twin is alone', async t => {
  t.equal(files.length, 15)
  t.same(namesIn('bad/'), files)
})

t.test('names and tags tell them apart', async t => {
  for (const { file, good, bad } of twins) {
    // The bug that everybody knows by its name keeps it.
    const names = file === 'lost-update' ? ['lost-update-fixed', 'lost-update'] : [file, `${file}-bad`]
    t.same([good.name, bad.name], names)
    t.same([good.tags, bad.tags], [['classic'], ['bad']], file)
  }
})

t.test('no pattern selects a twin that is wrong, and the tag selects all that are right', async t => {
  const all = twins.flatMap(({ good, bad }) => [good, bad]).map(({ name, tags = [] }) => ({ name, tags }))
  const selected = (text: string) => select(parseSelectors([text]), all).map(({ scenario }) => scenario.name)
  const right = twins.map(({ good }) => good.name)
  t.same(selected('*'), right)
  t.same(selected('tag:classic'), right)
  t.throws(() => selected('*-bad'))
  t.same(
    selected('tag:bad'),
    twins.map(({ bad }) => bad.name),
  )
})

t.test('both do the same but for one step', async t => {
  for (const { file, good, bad } of twins) {
    t.same(bad.params, good.params, file)
    const shape = ({ threads }: Scenario) => Object.entries(threads).map(([name, body]) => [name, body.count ?? 1])
    t.same(shape(bad), shape(good), file)
    const count = Object.values(good.threads).reduce((sum, body) => sum + Number(body.count ?? 1), 0)
    t.ok(count === 2 || count === 3, `${file}: ${count} threads`)
    const source = readFileSync(new URL(`bad/${file}.ts`, ROOT), 'utf8')
    t.equal(source.match(/\/\/ wrong: \w/g)?.length, 1, `${file}: one line is marked as wrong`)
    t.notMatch(source, /\b(setup|threads|check|run):/, `${file}: the algorithm is that of the right one`)
  }
})

t.test('each says what it is, and the wrong one how it goes wrong', async t => {
  for (const { file, good, bad } of twins) {
    t.not(bad.summary, good.summary, file)
    for (const { summary } of [good, bad]) t.match(summary, /^.{25,110}$/)
    const [, story] = readFileSync(new URL(`bad/${file}.ts`, ROOT), 'utf8').match(/^\/\*\*([\s\S]*?)\*\//)!
    t.match(story, /\n \* Source: \S/, `${file}: a source`)
    t.ok(story.length > 200, `${file}: a story`)
  }
})

t.test('the table of the documents has all of them', async t => {
  const page = readFileSync(new URL('../../docs/classics.md', ROOT), 'utf8')
  const rows = [...page.matchAll(/^\| `([a-z-]+)` *\| `([a-z-]+)` *\| [a-z]/gm)].map(([, good, bad]) => [good!, bad!])
  const pairs = twins.map(({ good, bad }) => [good.name, bad.name])
  t.same(rows.sort(), pairs.sort())
})
