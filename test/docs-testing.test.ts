/** docs/testing-your-code.md says what happens: its first five minutes, done. */
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { workspace } from './helpers/cli.ts'

const page = readFileSync('docs/testing-your-code.md', 'utf8')

/** The lines of a marked block, without what it leaves out. */
function shown(mark: string): string[] {
  const block = new RegExp(`<!-- output of ${mark} -->\\n+\`\`\`\\n(.*?)\`\`\``, 's').exec(page)?.[1] ?? ''
  return block.split('\n').filter(line => line.trim() !== '' && line.trim() !== '…')
}

/** Whether a line of the page is one of the output; the page may cut its end. */
const isLine = (line: string) => (told: string) =>
  line.endsWith('…') ? told.startsWith(line.slice(0, -1)) : told === line

t.test('nothing, and then a failing interleaving', async t => {
  const { dir, write, torture } = workspace(t)
  // As npm install would have it.
  mkdirSync(join(dir, 'node_modules'))
  symlinkSync(process.cwd(), join(dir, 'node_modules/torture'))
  await torture('init')
  const explore = () => torture('explore', './mine.torture.ts', '--seed', '1', '--cpus', '1')
  const compare = (mark: string, stdout: string) => {
    const lines = shown(mark)
    t.ok(lines.length > 1, mark)
    const output = stdout.split('\n')
    for (const line of lines) t.ok(output.some(isLine(line)), line)
  }
  compare('the right one', (await explore()).stdout)

  const text = readFileSync(join(dir, 'mine.torture.ts'), 'utf8')
  const [, removed, kept] = /^-( .*)\n (.*)$/m.exec(page)!
  t.ok(text.includes(`${removed}\n${kept}\n`), 'the page names the lines of the file')
  write({ 'mine.torture.ts': text.replace(`${removed}\n${kept}\n`, `${kept}\n${removed}\n`) })
  compare('the wrong one', (await explore()).stdout)
})

t.test('every mistake of the examples is told', async t => {
  for (const example of ['mutex', 'ring', 'condition']) {
    const code = readFileSync(`examples/${example}.torture.ts`, 'utf8')
    const [, choices = ''] = /choices: \[(.*?)\]/s.exec(code) ?? []
    for (const [, wrong] of choices.matchAll(/'([\w-]+)'/g))
      if (wrong !== 'nothing') t.match(page, new RegExp(`\`${example}\\.torture\\.ts\` +\\| \`${wrong}\``))
  }
})
