/** The litmus tests, as they are written: names, tags, and what is forbidden to whom. */
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { outcomesOf, outcomesProblem } from '../torture/guest/rounds/outcomes.ts'
import type { ParamValue, Scenario } from '../torture/scenario.ts'

const ROOT = new URL('../scenarios/litmus/', import.meta.url)
const files = readdirSync(ROOT)
  .filter(name => /^[^_].*\.ts$/.test(name))
  .map(name => name.slice(0, -'.ts'.length))
const tests: { file: string; scenario: Scenario }[] = await Promise.all(
  files.map(async file => ({
    file,
    scenario: (await import(`../scenarios/litmus/${file}.ts`)).default,
  })),
)

/** All combinations of the parameters that have choices. */
function settings({ params = {} }: Scenario): Record<string, ParamValue>[] {
  return Object.entries(params as NonNullable<Scenario['params']>).reduce<Record<string, ParamValue>[]>(
    (all, [name, spec]) =>
      ((spec as { choices?: ParamValue[] }).choices ?? []).flatMap(value =>
        all.map(one => ({ ...one, [name]: value })),
      ),
    [{}],
  )
}

t.test('each says what it is, and only what the engine does wrong is tagged bad', async t => {
  t.equal(files.length, 20)
  for (const { file, scenario } of tests) {
    t.equal(scenario.name, `litmus-${file}`)
    t.same(scenario.tags, file === 'tear-bulk' ? ['bad'] : ['litmus', 'lockless'], file)
    t.ok(scenario.observes!.length > 0, file)
  }
})

t.test('every setting has a list of outcomes, whose keys have as many numbers as are named', async t => {
  for (const { file, scenario } of tests) {
    for (const params of settings(scenario)) {
      const outcomes = outcomesOf(scenario, { params })!
      t.equal(outcomesProblem(outcomes), undefined, file)
      for (const key of Object.keys(outcomes))
        t.equal(key.split(',').length, scenario.observes!.length, `${file} ${key}`)
    }
  }
})

const gradesOf = (file: string, access: string, arch: string) => {
  const { outcomes } = tests.find(one => one.file === file)!.scenario
  const listed = typeof outcomes === 'function' ? outcomes({ params: { access }, arch }) : outcomes!
  return Object.entries(listed).filter(([, { grade }]) => grade !== 'acceptable')
}

/** What herd says of these tests for the models of C11's orders; the key of the outcome that tells them apart. */
const WEAK: Readonly<Record<string, { key: string; from: 'atomic' | 'release-acquire' | 'relaxed' }>> = {
  sb: { key: '0,0', from: 'atomic' },
  r: { key: '0,2', from: 'atomic' },
  '2-2w': { key: '1,1', from: 'atomic' },
  iriw: { key: '1,0,1,0', from: 'atomic' },
  mp: { key: '1,0', from: 'release-acquire' },
  lb: { key: '1,1', from: 'release-acquire' },
  s: { key: '1,2', from: 'release-acquire' },
  wrc: { key: '1,1,0', from: 'release-acquire' },
  isa2: { key: '1,1,0', from: 'release-acquire' },
  corr: { key: '1,0', from: 'relaxed' },
}

t.test('the weak outcome is forbidden from the access on that excludes it, and never to plain ones', async t => {
  const accesses = ['plain', 'relaxed', 'release-acquire', 'atomic']
  for (const [file, { key, from }] of Object.entries(WEAK)) {
    for (const access of accesses) {
      const grade = accesses.indexOf(access) >= accesses.indexOf(from) ? 'forbidden' : 'interesting'
      t.match(Object.fromEntries(gradesOf(file, access, 'x64')), { [key]: { grade } }, `${file}, ${access}`)
    }
  }
})

t.test('the sentence knows the processor', async t => {
  const why = (file: string, arch: string) => gradesOf(file, 'plain', arch)[0]![1].why
  t.match(why('mp', 'x64'), /x64 keeps this one, so the compiler must have/)
  t.match(why('mp', 'arm64'), /arm64 processors make use of that/)
  t.match(why('sb', 'x64'), /x64 processors make use of that/)
  t.match(why('corr', 'arm64'), /no processor does it/)
})

t.test('the page has all of them', async t => {
  const page = readFileSync(new URL('../../docs/litmus.md', ROOT), 'utf8')
  for (const { scenario } of tests) t.ok(page.includes(`\`${scenario.name}\``), scenario.name)
})
