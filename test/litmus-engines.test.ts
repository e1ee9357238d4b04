/** Engine tiers: what a binary does not know, or was built without, is said before anything starts. */
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { engines, parseTiers, TIERS } from '../torture/plan/engines.ts'
import { checkEngines } from '../torture/runner/node-binaries.ts'

/** A binary that knows no flag but those of a list, and compiles with what it is told. */
function binary(dir: string, known: readonly string[], compilers: string): string {
  const path = join(dir, 'node')
  const script = `#!/bin/sh
for flag in "$@"; do case "$flag" in
  -e|-p) echo "v20.0.0 ${compilers}"; exit 0;;
  ${[...known, '--trace-opt'].join('|')}) ;;
  *) echo "$0: bad option: $flag" >&2; exit 9;;
esac; done
`
  writeFileSync(path, script)
  chmodSync(path, 0o755)
  return path
}

t.test('tiers', async t => {
  t.same(parseTiers('default,jitless,no-opt,sparkplug,maglev'), ['default', 'jitless', 'no-opt', 'sparkplug', 'maglev'])
  t.throws(() => parseTiers('maglv'), /did you mean 'maglev'/)
  t.same(
    engines(['default', 'maglev'], []).map(({ title }) => title),
    ['default', 'maglev'],
  )
  const nodes = [{ path: '/n', version: '24.1.0' }]
  t.same(
    engines(['default', 'maglev'], nodes).map(({ title }) => title),
    ['default node24.1.0', 'maglev node24.1.0'],
  )
})

t.test('a flag that a binary does not know', async t => {
  const path = binary(t.testdir(), ['--jitless'], '')
  const nodes = [{ path, version: '26.0.0' }]
  t.match(await checkEngines(engines(['default', 'jitless'], nodes)), [{ tier: 'default' }, { tier: 'jitless' }])
  await t.rejects(checkEngines(engines(['turbofan'], nodes)), {
    exitCode: 2,
    message: `--v8 turbofan: ${path} does not know ${TIERS.turbofan![0]}: leave the tier out, or name another binary with --node`,
  })
})

t.test('a compiler that a binary takes the flags of, and has not', async t => {
  const flags = TIERS.maglev!
  const titles = async (compilers: string) => {
    const path = binary(t.testdir(), flags, compilers)
    return (await checkEngines(engines(['maglev'], [{ path, version: '20.0.0' }]))).map(({ title }) => title)
  }
  t.same(await titles('MAGLEV'), ['maglev node20.0.0'])
  t.same(await titles('TURBOFAN'), ['maglev node20.0.0 (not built in)'])
})
