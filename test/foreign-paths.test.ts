/** Whatever letters a path has, the lines of the user's files are named: of a failure, a step, a hang, an import. */
import t from 'tap'
import { workspace } from './helpers/cli.ts'

t.jobs = 2

/** Named as the harness's own, too: only where a file lies in the bundle tells whose it is. */
const FOLDER = 'torture/explore/a (1) ü b'

const scenario = (name: string, run: string) => `export default {
  name: '${name}', summary: '',
  setup: () => ({ c: new Int32Array(new SharedArrayBuffer(4)) }),
  threads: { one: { count: 2, run: ({ shared: { c } }) => {
    ${run}
  } } },
}
`

t.test('of a failure, of its steps, and of who hangs', async t => {
  const here = workspace(t)
  here.write({
    [`${FOLDER}/f (2) c.mjs`]: scenario('throws', "if (Atomics.add(c, 0, 1) === 1) throw new Error('second')"),
    [`${FOLDER}/h (3) d.mjs`]: scenario('sleeps', 'Atomics.wait(c, 0, 0)'),
  })
  const files = [`./${FOLDER}/f (2) c.mjs`, `./${FOLDER}/h (3) d.mjs`]
  const { status, stdout, stderr } = await here.torture(
    ...['run', ...files, '--bridge', '30s', '--hang-after', '2s', '--results', `${FOLDER}/results`],
  )
  t.equal(status, 1, stderr)
  t.match(stdout, `\n           ${FOLDER}/f (2) c.mjs:5:43\n`, 'of the failure')
  t.match(stdout, /^ +\d+ .*add c\[0\] 0 → 1 +f \(2\) c\.mjs:5:17$/m, 'of a step')
  t.match(stdout, /^ +one\[0\] +run [^\n]*h \(3\) d\.mjs:5:13$/m, 'of a hang')
})

t.test('of what cannot be imported', async t => {
  const here = workspace(t)
  here.write({ 'a (1) b/f.mjs': "import './g (2) h.mjs'\n", 'a (1) b/g (2) h.mjs': "\nthrow new Error('no')\n" })
  const { status, stderr } = await here.torture('run', './a (1) b/f.mjs', '--results', 'a (1) b/results')
  t.equal(status, 2)
  t.match(stderr, 'torture: a (1) b/g (2) h.mjs:2:7: importing it fails: Error: no')
})
