/** What a body counts or throws may be anything: the report says what it was, and the guest lives on to say it. */
import t from 'tap'
import { workspace } from './helpers/cli.ts'

const model = "{ name: 'a bell', operations: ['ring'], initial: 0, apply: state => ({ state }) }"

const scenario = (name: string, run: string) => `export default {
  ${run.includes('ring') ? `history: { model: ${model} },` : ''}
  name: '${name}', summary: 'for a test', setup: () => ({ cells: new Int32Array(new SharedArrayBuffer(4)) }),
  threads: { one: { run: ({ count, call }) => { ${run} } } },
}
`

t.test('odd values', async t => {
  const { write, torture, summary } = workspace(t)
  const bodies = {
    'not-a-number': "count('shares', 0 / 0)",
    'many-names': "for (let n = 0; n < 1000; n++) count('name' + n)",
    'no-error': 'throw { a: 1 }',
    hostile: 'throw new Proxy({}, { get() { throw 2 } })',
    unended: "call('ring')",
    unprintable: 'throw { toString() { throw 1 } }',
  }
  const files = Object.entries(bodies).map(([name, run]) => [`${name}.mjs`, scenario(name, run)])
  write(Object.fromEntries(files))
  const chosen = files.map(([file]) => `./${file}`)
  await torture('run', ...chosen, '--duration', '200ms', '--bridge', '0', '--jitter', 'off')
  const said = Object.fromEntries(
    summary().instances.map(({ scenario, verdict, failures }) => [scenario, [verdict, failures[0]?.message]]),
  )
  t.match(said, {
    'not-a-number': ['fail', "RangeError: count('shares', NaN): a finite number is needed"],
    'many-names': ['fail', /^RangeError: more than \d+ counters: 'name\d+' has no room$/],
    'no-error': ['fail', 'threw { a: 1 }'],
    hostile: ['fail', /^threw /],
    unended: ['fail', "TypeError: call('ring') has no ret(), and the body has returned"],
    unprintable: ['fail', /^threw /],
  })
})
