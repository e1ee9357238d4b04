/** What `npm pack` yields works where nothing of the checkout is. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

t.test('the package, unpacked elsewhere', async t => {
  const dir = realpathSync(t.testdir())
  const installed = join(dir, 'node_modules/torture')
  mkdirSync(installed, { recursive: true })
  execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', dir], { cwd: root, stdio: 'ignore' })
  const tarball = readdirSync(dir).find(name => name.endsWith('.tgz'))!
  execFileSync('tar', ['xzf', join(dir, tarball), '-C', installed, '--strip-components=1'])
  // What npm would install beside it.
  for (const name of ['piscina', 'esbuild', '@esbuild'])
    symlinkSync(join(root, 'node_modules', name), join(dir, 'node_modules', name))

  const work = join(dir, 'work')
  mkdirSync(work)
  const torture = (...args: string[]) =>
    execFileSync(process.execPath, [join(installed, 'dist/cli/cli.js'), ...args], { cwd: work, encoding: 'utf8' })
  t.match(torture('run', '-s', 'lost-update', '--threads', 'adder=1', '--duration', '100ms'), /PASS/)
  t.match(torture('rerun'), /PASS/, 'the stored bundle is whole')
  writeFileSync(
    join(work, 'mine.ts'),
    `import { defineScenario } from 'torture'
export default defineScenario({ name: 'mine', summary: '', setup: () => ({}), threads: { one: { run: (): number => 1 } } })`,
  )
  t.match(torture('run', './mine.ts', '--duration', '100ms'), /PASS/)
})
