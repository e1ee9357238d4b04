/**
 * docs/results.schema.json is made from the validators. To make it anew after a change:
 *
 *     UPDATE_SCHEMA=1 npx tap test/results-schema.test.ts && npm run format
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { toJsonSchemaDefs } from '@valibot/to-json-schema'
import t from 'tap'
import * as v from 'valibot'
import { SCHEMA } from '../results/schema.ts'
import { instanceResult, plan, stored } from '../results/validate.ts'
import { planOf, resultOf } from './helpers/results.ts'

const path = new URL('../docs/results.schema.json', import.meta.url)

const jsonSchema = () => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'The files of a torture run store',
  description: 'See results.md. Each kind of file is described by its entry in $defs.',
  version: SCHEMA,
  $defs: toJsonSchemaDefs(stored, { errorMode: 'throw', target: 'draft-2020-12' }),
})

t.test('the JSON schema in docs is that of the validators', async t => {
  const made = jsonSchema()
  if (process.env.UPDATE_SCHEMA) writeFileSync(path, JSON.stringify(made))
  t.same(JSON.parse(readFileSync(path, 'utf8')), made, 'make it anew: see the head of this test')
})

t.test('what the helpers make is valid', async t => {
  t.ok(v.is(plan, { ...planOf(['a.1']), id: '2026.11.20-23.49.00', schema: SCHEMA }))
  t.ok(v.is(instanceResult, resultOf('a.1')))
})

t.test('what could lead out of a run, or is no number, is refused', async t => {
  for (const name of ['../a.1', 'a/b.1', '.hidden', '', '..', 'a\\b', 'a\0b']) {
    t.notOk(v.is(instanceResult, { ...resultOf('a.1'), name }), `name ${JSON.stringify(name)}`)
  }
  for (const field of ['seed', 'durationMs', 'cpuMs', 'rounds']) {
    for (const value of [null, '1', Number.NaN]) {
      t.notOk(v.is(instanceResult, { ...resultOf('a.1'), [field]: value }), `${field} ${value}`)
    }
  }
  t.notOk(v.is(instanceResult, { ...resultOf('a.1'), verdict: 'passed' }))
  t.notOk(v.is(instanceResult, { ...resultOf('a.1'), schema: 2 }))
})
