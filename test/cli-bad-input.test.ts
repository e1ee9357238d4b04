/** Whatever is typed wrongly: one line that says what is wrong, exit 2, no stack, nothing started. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { PASSES, workspace } from './helpers/cli.ts'

const SCENARIOS = {
  'syntax.mjs': 'export default {',
  'syntax.ts': 'const a: number = 1\nexport default {\n  b: = 2,\n}\n',
  'throws.mjs': '\nthrow new Error("boom")',
  'exits.mjs': 'process.exit(0)',
  'waits.mjs': 'await new Promise(() => {})',
  'seven.mjs': 'export default 7',
  'empty.mjs': '',
  'partial.mjs': 'export default { name: "x", summary: "", setup() {} }',
  'misnamed.mjs': 'export default { name: "X y", summary: "", setup() {}, threads: { a: { run() {} } } }',
  'misspelt.mjs': 'export default { name: "x", summary: "", setup() {}, threads: { a: { run() {} } }, chek() {} }',
  'nobody.mjs': 'export default { name: "x", summary: "", setup() {}, threads: { a: { count: 0, run() {} } } }',
  'hungry.mjs': 'const a = []; for (;;) a.push(new Array(1e5).fill(1.5))',
  'imports.mjs': 'import "no-such-package"',
  'passes.mjs': PASSES,
  'again.mjs': PASSES,
  'twin.mjs': PASSES.replace("'passes'", "'lost-update'"),
}

const RUNS: readonly [string, RegExp][] = [
  ['run', /no scenario is selected/],
  ['run -s vma-lok', /did you mean 'vma-lock'/],
  ['run -s 0*lost-update', /between 1 and 1000/],
  ['run -s -3*lost-update', /torture: -s needs a value/],
  ['run -s lost-update --seed', /torture: --seed needs a value/],
  ['run no-such-name', /see torture list scenarios, or name a file, as in \.\/ring\.torture\.ts/],
  ['run -s lost-update --duration banana', /--duration banana/],
  ['run -s lost-update --duration 1s --duration 2s', /--duration is given more than once/],
  ['run -s lost-update --cpus 0', /--cpus 0/],
  ['run -s lost-update --cpus -3', /--cpus -3/],
  ['run -s lost-update --seed abc', /--seed abc/],
  ['run -s lost-update --param nosuch=1', /no parameter 'nosuch'/],
  ['run -s lost-update --param adds=0', /between 1 and 1000000/],
  ['run -s lost-update --threads adder=0', /adder=0/],
  ['run -s lost-update --threads addr=2', /did you mean 'adder'/],
  ['run -s lost-update --bug nosuch', /there is no bug 'nosuch'/],
  ['run -s lost-update --bug vma-put-early', /belongs to vma-lock/],
  ['run -s lost-update --reporter pdf', /tty, plain, json, tap, junit/],
  ['run -s lost-update --node ./no-such-node', /no Node binary/],
  ['run -s 2*lost-update --inspect', /--inspect looks at one instance/],
  ['run -s lost-update --cpus 1 --no-oversubscribe', /2 threads do not fit 1 CPU/],
  ['run -s lost-update --durtion 1s', /did you mean '--duration'/],
  ['run -s lost-update --hosts a,,b', /--hosts a,,b: a name is missing between commas/],
  ['run -s lost-update --hosts absent.json', /the hosts file absent\.json: there is no such file/],
  ['run --nosuchflag', /there is no flag --nosuchflag/],
  ['run -s lost-update --dry-run=yes', /--dry-run=yes: write --dry-run, without a value/],
  ['run -s ./absent.mjs', /there is no scenario file .\/absent.mjs/],
  ['run -s ./folder.mjs', /is not a file/],
  ['run -s ./syntax.mjs', /syntax.mjs:\d+:\d+: /],
  ['run -s ./syntax.ts', /syntax.ts:3:6: /],
  ['run -s ./throws.mjs', /throws.mjs:2:\d+: .*boom/],
  ['run -s ./exits.mjs', /exits.mjs: .*status 0/],
  ['run -s ./waits.mjs', /waits.mjs: .*never comes/],
  ['run -s ./seven.mjs', /seven.mjs: .*7, not a scenario/],
  ['run -s ./empty.mjs', /no default export/],
  ['run -s ./partial.mjs', /lacks threads/],
  ['run -s ./misnamed.mjs', /name 'X y' must be/],
  ['run -s ./misspelt.mjs', /chek means nothing: did you mean 'check'/],
  ['run -s ./nobody.mjs', /threads.a.count must be a whole number from 1/],
  ['run -s vma-lock --param slots=1.5', /a whole number is needed/],
  ['run -s ./hungry.mjs', /hungry.mjs: .*exhausts the memory/],
  ['run -s ./imports.mjs', /imports.mjs:1:8: .*no-such-package/],
  ['run -s ./passes.mjs -s ./again.mjs', /again\.mjs and passes\.mjs are both named 'passes': rename one/],
  ['run -s ./twin.mjs', /torture: twin\.mjs: 'lost-update' is the name of a built-in scenario: choose another/],
  ['rerun', /there is no run/],
  ['rerun nosuch-run', /nosuch-run/],
  ['rerun 2020.01.01-00.00.00', /plan.json is damaged/],
  ['rerun --times 0', /--times 0/],
  ['rerun --only', /only/],
  ['nosuchcommand', /there is no command 'nosuchcommand'/],
  ['replay ./nowhere', /there is no run/],
  ['hosts', /say what, check or clean/],
  ['hosts check absent.json', /the hosts file absent\.json: there is no such file/],
  ['-s lost-update', /no command given/],
  ['', /no command given/],
]

t.test('bad usage and bad input', async t => {
  const { dir, write, torture, runs } = workspace(t)
  write({ ...SCENARIOS, 'torture-results/2020.01.01-00.00.00/plan.json': '{' })
  mkdirSync(join(dir, 'folder.mjs'))
  const left = [...RUNS]
  const check = async () => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const [line, expected] = next
      const { status, stdout, stderr } = await torture(...line.split(' ').filter(word => word !== ''))
      t.equal(status, 2, `torture ${line}: exit 2`)
      t.match(stderr, expected, `torture ${line}: says why`)
      if (line !== 'rerun') t.equal(stderr.trimEnd().split('\n').length, 1, `torture ${line}: in one line`)
      t.notMatch(stderr + stdout, /^\s+at /m, `torture ${line}: without a stack`)
    }
  }
  await Promise.all([check(), check()])
  t.same(runs(), ['2020.01.01-00.00.00'], 'nothing was started')
})

t.test('a scenario that never returns at top level', async t => {
  const { write, torture, runs } = workspace(t)
  write({ 'hangs.mjs': 'for (;;) {}' })
  const { status, stderr } = await torture('run', '-s', './hangs.mjs')
  t.equal(status, 2)
  t.match(stderr, /^torture: hangs.mjs: .*endless loop.*\n$/)
  t.same(runs(), [])
})

t.test('help and version', async t => {
  const { torture } = workspace(t)
  const help = await torture('--help')
  t.equal(help.status, 0)
  for (const command of ['run', 'explore', 'replay', 'rerun', 'list', 'report', 'clean'])
    t.match(help.stdout, new RegExp(`^ +torture ${command}`, 'm'))
  const flags = await torture('run', '--help')
  t.match(flags.stdout, /--duration/)
  t.match((await torture('--version')).stdout, /^\d+\.\d+\.\d+\n$/)
})
