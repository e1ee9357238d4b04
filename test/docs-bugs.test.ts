import { readFileSync } from 'node:fs'
import t from 'tap'
import { workspace } from './helpers/cli.ts'

const page = readFileSync('docs/oracles-and-bugs.md', 'utf8')

interface Bug {
  readonly id: string
  readonly scenarios: readonly string[]
  readonly oracle: string
  readonly hardness: string
}

const codes = (cell: string) => cell.split(',').map(word => word.trim().replaceAll('`', ''))

t.test('the table of bugs says what torture list bugs says', async t => {
  const { stdout } = await workspace(t).torture('list', 'bugs', '--json')
  const listed = (JSON.parse(stdout) as Bug[]).map(({ id, scenarios, oracle, hardness }) => {
    return { id, scenarios, oracle, hardness }
  })
  const rows = [...page.matchAll(/^\| `([a-z0-9-]+)` *\| ([^|]+)\| ([A-Z, ]+)\| ([EDX]) *\|/gm)]
  const told = rows.map(([, id, scenarios, oracle, hardness]) => {
    return { id: id!, scenarios: codes(scenarios!), oracle: codes(oracle!).join('|'), hardness: hardness! }
  })
  t.ok(listed.length > 0)
  t.same(told, listed)
})

t.test('each oracle that a bug names has its part, which names the bug', async t => {
  const { stdout } = await workspace(t).torture('list', 'bugs', '--json')
  for (const { id, oracle } of JSON.parse(stdout) as Bug[]) {
    const [first] = oracle.split('|')
    const from = page.indexOf(`\n### ${first}: `)
    t.not(from, -1, `${first} has a part`)
    const fires = page.indexOf('Fires on', from)
    t.match(page.slice(fires, page.indexOf('\n', fires)), `\`${id}\``)
  }
})
