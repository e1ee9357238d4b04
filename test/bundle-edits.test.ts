/** In a checkout an edited source takes effect on the next run, and a re-run executes what its run did. */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

t.test('edits without a build step', async t => {
  const dir = realpathSync(t.testdir())
  const copy = join(dir, 'copy')
  for (const name of ['dist', 'lib', 'remote', 'results', 'scenarios', 'torture', 'package.json', 'tsconfig.json']) {
    cpSync(join(root, name), join(copy, name), { recursive: true, preserveTimestamps: true })
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  const work = join(dir, 'work')
  mkdirSync(work)
  const torture = (...args: string[]) =>
    execFileSync(process.execPath, [join(copy, 'dist/cli/cli.js'), ...args], { cwd: work, encoding: 'utf8' })
  const bundleOfLast = () => {
    const results = join(work, 'torture-results')
    const last = readdirSync(results)
      .filter(name => /^\d{4}\./.test(name))
      .sort()
      .at(-1)!
    return JSON.parse(readFileSync(join(results, last, 'plan.json'), 'utf8')).bundle as string
  }
  const line = ['run', '-s', 'lost-update', '--threads', 'adder=1', '--duration', '100ms']
  torture(...line)
  const before = bundleOfLast()
  t.equal(before, JSON.parse(readFileSync(join(copy, 'dist/bundle/current.json'), 'utf8')).hash, 'the prebuilt one')

  const source = join(copy, 'scenarios/classics/bad/lost-update.ts')
  const text = readFileSync(source, 'utf8')
  writeFileSync(source, text.replace("summary: '", "summary: 'edited: "))
  t.match(torture('list', 'scenarios'), /edited: /)
  torture('rerun')
  t.equal(bundleOfLast(), before, 'a re-run does not see the edit')
  torture(...line)
  t.not(bundleOfLast(), before, 'a new run does')

  writeFileSync(join(dirname(source), 'brand-new.ts'), text.replace("name: 'lost-update'", "name: 'brand-new'"))
  t.match(torture('list', 'scenarios'), /^brand-new/m, 'so does a new file')
})
