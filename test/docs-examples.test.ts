import { readFileSync } from 'node:fs'
import t from 'tap'
import { workspace } from './helpers/cli.ts'

const PAGES = ['README.md', 'docs/writing-a-scenario.md', 'docs/exploring.md', 'docs/histories.md']
/** Under stress, or by the command that the mark gives. */
const MARKED = /<!-- runs as (\S+): (\w+)(?: by (.+?))? -->\s*```ts\n(.*?)```/gs
/**
 * What is to fail ends at its first failure, so patience costs nothing. The race of the README fails in some 18 of
 * 10,000 rounds, of which a minute holds more than 100,000: the chance of missing it is below exp(-100).
 */
const DURATION: Readonly<Record<string, string>> = { pass: '1s', fail: '60s' }

for (const page of PAGES) {
  const examples = [...readFileSync(page, 'utf8').matchAll(MARKED)]

  t.test(`${page} has examples`, async t => {
    t.not(examples.length, 0)
  })

  for (const [, file, verdict, by, code] of examples) {
    t.test(`${page}: ${file} ends as it says: ${verdict}`, async t => {
      const { write, torture, summary } = workspace(t)
      write({ [file!]: code! })
      const command = by ?? `run --duration ${DURATION[verdict!]}`
      const { stdout, stderr } = await torture(...command.split(' '), '-s', `./${file}`)
      t.equal(stderr, '')
      t.equal(summary().verdict, verdict, stdout)
    })
  }
}
