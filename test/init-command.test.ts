/** `torture init` writes what runs at once, wherever it is, and never overwrites. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { workspace } from './helpers/cli.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

// That it fails as it says is for docs-testing.test.ts.
t.test('in an empty folder: it passes as it is', async t => {
  const { dir, torture } = workspace(t)
  const { status, stdout } = await torture('init')
  t.equal(status, 0)
  t.match(stdout, /^wrote \.\/mine\.torture\.ts$/m)
  t.match(stdout, /^next {7}torture run \.\/mine\.torture\.ts --duration 10s$/m)
  t.match(stdout, /^ +torture explore \.\/mine\.torture\.ts$/m)
  const text = readFileSync(join(dir, 'mine.torture.ts'), 'utf8')
  t.notMatch(text, "from 'torture'", 'nothing is imported that is not there')
  t.equal((await torture('run', './mine.torture.ts', '--duration', '200ms')).status, 0)
})

t.test('beside an installed torture: with its types', async t => {
  const { dir, write, torture } = workspace(t)
  mkdirSync(join(dir, 'node_modules'))
  symlinkSync(root, join(dir, 'node_modules/torture'))
  symlinkSync(join(root, 'node_modules/@types'), join(dir, 'node_modules/@types'))
  t.equal((await torture('init', 'ring')).status, 0)
  t.equal((await torture('init', 'tests/My Ring.mjs')).status, 0)
  t.equal((await torture('init', 'tests/')).status, 0, 'the usual name in a folder')
  t.match(readFileSync(join(dir, 'ring.torture.ts'), 'utf8'), "import { defineScenario } from 'torture'")
  t.match(readFileSync(join(dir, 'tests/My Ring.mjs'), 'utf8'), "name: 'my-ring'")
  const compilerOptions = {
    ...{ strict: true, noUncheckedIndexedAccess: true, noEmit: true, skipLibCheck: true },
    ...{ module: 'nodenext', target: 'es2022', types: ['node'] },
  }
  write({ 'tsconfig.json': JSON.stringify({ compilerOptions, include: ['**/*.ts'] }), 'package.json': '{}' })
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  t.equal(execFileSync(process.execPath, [compiler, '-p', '.'], { cwd: dir, encoding: 'utf8' }), '')
  const { status, stderr } = await torture('run', './tests/My Ring.mjs', '--duration', '100ms')
  t.equal(status, 0, stderr)
})

t.test('what is there stays, and what can be no scenario is refused', async t => {
  const { dir, write, torture } = workspace(t)
  write({ 'mine.torture.ts': 'mine', 'file.txt': '' })
  for (const [file, expected] of Object.entries({
    'mine.torture.ts': /\.\/mine\.torture\.ts exists and stays as it is: name another file/,
    '.': /exists and stays as it is/,
    'x.cjs': /x\.cjs: a scenario is a \.ts, \.mts, \.js or \.mjs file, not \.cjs/,
    'x.py': /not \.py/,
    'file.txt/x.ts': /cannot be written/,
  })) {
    const { status, stderr } = await torture('init', file)
    t.equal(status, 2, file)
    t.match(stderr, expected)
    t.equal(stderr.trimEnd().split('\n').length, 1)
  }
  t.equal(readFileSync(join(dir, 'mine.torture.ts'), 'utf8'), 'mine')
})
