/** `torture explore --emit FILE`: where it may write; what it writes is tested elsewhere. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { LOSES, workspace } from './helpers/cli.ts'

t.test('--emit writes a test, and never over what is not its own', async t => {
  const { dir, write, torture } = workspace(t)
  write({ 'loses.mjs': LOSES, 'own.mjs': 'mine' })
  const emit = (file: string, ...more: string[]) => torture('explore', '1*./loses.mjs', '--emit', file, ...more)
  const { status, stderr } = await emit('found.mjs')
  t.equal(status, 1)
  t.match(stderr, /^torture: wrote found\.mjs: node --test found\.mjs fails as loses\.1\/failures\/1 did$/m)
  const text = readFileSync(join(dir, 'found.mjs'), 'utf8')
  t.match(text, /^\/\/ Emitted by torture/)
  t.match((await emit('found.mjs')).stderr, 'wrote found.mjs', 'its own it replaces')
  for (const [file, expected] of [
    ['own.mjs', /was not emitted by torture/],
    ['nowhere/x.mjs', /there is no folder nowhere/],
    ['x.txt', /ends in \.mjs/],
  ] as const) {
    const refused = await emit(file)
    t.equal(refused.status, 2, file)
    t.match(refused.stderr, expected)
  }
  t.equal(readFileSync(join(dir, 'own.mjs'), 'utf8'), 'mine')
  write({ 'loses.mjs': LOSES.replace('!== 2', '=== 7') })
  const clean = await emit('clean.mjs')
  t.equal(clean.status, 0)
  t.match(clean.stderr, 'nothing was written to clean.mjs: no schedule failed')
  t.notOk(existsSync(join(dir, 'clean.mjs')))
})
