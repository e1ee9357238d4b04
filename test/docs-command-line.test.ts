import { readFileSync } from 'node:fs'
import t from 'tap'
import { workspace } from './helpers/cli.ts'

const page = readFileSync('docs/command-line.md', 'utf8')
const COMMANDS = ['run', 'explore', 'replay', 'rerun', 'scale', 'bugs', 'list', 'report', 'hosts', 'clean']

/** The part of the page under a command's heading. */
function section(command: string): string {
  const from = page.indexOf(`\n## torture ${command}\n`)
  return from < 0 ? '' : page.slice(from, page.indexOf('\n## ', from + 1))
}

/** `--only` of `  --only   a new run of …`, and of `  -s, --scenario  …`. */
const flagsOf = (help: string) => [...help.matchAll(/^ {2,}(?:-\w, )?(--[\w-]+) /gm)].map(([, flag]) => flag)

const flagsIn = (text: string) => new Set([...text.matchAll(/--[a-z][\w-]*/g)].map(([flag]) => flag))

t.test('the page has every command', async t => {
  const { stdout } = await workspace(t).torture('--help')
  const commands = [...stdout.matchAll(/^ {2}torture (\w+)/gm)].map(([, name]) => name)
  t.same(
    commands.filter(name => name !== undefined && section(name) === ''),
    [],
  )
  t.ok(commands.length >= COMMANDS.length)
})

for (const command of COMMANDS) {
  t.test(`the page has every flag of ${command}, and no other`, async t => {
    const { stdout } = await workspace(t).torture(command, '--help')
    const known = flagsOf(stdout).filter(flag => flag !== '--help' && flag !== '--version')
    const told = flagsIn(section(command))
    t.ok(known.length > 0)
    t.same(
      known.filter(flag => !told.has(flag)),
      [],
      'none is missing',
    )
    t.same(
      [...told].filter(flag => !known.includes(flag)),
      [],
      'none is made up',
    )
  })

  t.test(`the page has the defaults of ${command}`, async t => {
    const { stdout } = await workspace(t).torture(command, '--help')
    for (const entry of stdout.split(/\n(?= {2,}(?:-\w, )?--)/)) {
      const [flag] = flagsOf(entry)
      const value = /\[default: "([^"]+)"\]/.exec(entry)?.[1]
      if (flag === undefined || value === undefined) continue
      const lines = page.split('\n').filter(line => line.includes(flag) && line.includes(`\`${value}\``))
      t.not(lines.length, 0, `${flag} ${value}`)
    }
  })
}
