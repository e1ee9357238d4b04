/** A host whose link is cut: its guest goes on without us, and what it did counts if it is first. */
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { SLEEPS, type Workspace, workspace } from './helpers/cli.ts'
import { eventsOf, runsLeft } from './helpers/fleet.ts'

/** Two hosts whose links can be cut: a wrapper notes who has attached, and starts nothing while it is to be down. */
function lab({ dir }: Workspace) {
  const names = ['one', 'two']
  const hosts = names.map(name => {
    const node = join(dir, `node-${name}`)
    const down = join(dir, `down-${name}`)
    const text = `#!/bin/sh\n[ -e '${down}' ] && { echo 'the line is dead' >&2; exit 1; }\necho $$ >'${dir}/pid-${name}'\nexec '${process.execPath}' "$@"\n`
    writeFileSync(node, text)
    chmodSync(node, 0o755)
    return { name, carrier: 'local', directory: join(dir, `host-${name}`), cpus: 3, node }
  })
  writeFileSync(join(dir, 'lab.json'), JSON.stringify({ hosts }))
  return {
    cut(name: string) {
      writeFileSync(join(dir, `down-${name}`), '')
      const pid = Number(readFileSync(join(dir, `pid-${name}`), 'utf8'))
      // 0 would be ourselves.
      if (!(pid > 1)) throw new Error(`nobody has attached to ${name}`)
      process.kill(pid, 'SIGKILL')
    },
    mend: (name: string) => rmSync(join(dir, `down-${name}`)),
  }
}

const other = (name: string) => (name === 'one' ? 'two' : 'one')

t.test('both attempts run: the first one counts, the other is dropped', async t => {
  const here = workspace(t)
  here.write({ 'sleeps.mjs': SLEEPS })
  const links = lab(here)
  const run = here.start(
    ...[
      'run',
      '-s',
      './sleeps.mjs',
      '--hosts',
      'lab.json',
      '--duration',
      '15s',
      '--grace',
      '500ms',
      '--reporter',
      'json',
    ],
  )
  await run.says(/"type":"firstWork"/)
  const first = eventsOf(here).find(({ type }) => type === 'assigned')!.host!
  links.cut(first)
  await run.says(new RegExp(`"type":"started".*"host":"${other(first)}"`))
  links.mend(first)
  const { status, stdout, stderr } = await run.ended
  t.equal(status, 0, stderr)
  t.match(stdout, /"state":"away".*the line is dead/, 'why it is away is said')
  const events = eventsOf(here)
  t.equal(events.filter(({ type }) => type === 'assigned').length, 2)
  t.equal(events.filter(({ type }) => type === 'ended').length, 1, 'judged once')
  t.equal(events.filter(({ how }) => how === 'counted').length, 1)
  t.match(here.summary(), { instances: [{ host: first, verdict: 'pass' }] }, 'it had begun earlier')
  t.ok(events.some(({ how, host }) => how === 'late' && host === other(first)))
  t.same(runsLeft(here), [], 'nothing goes on')
})

t.test('back within the grace: nothing is started twice', async t => {
  const here = workspace(t)
  here.write({ 'sleeps.mjs': SLEEPS })
  const links = lab(here)
  const run = here.start(
    ...['run', '-s', './sleeps.mjs', '--hosts', 'lab.json', '--duration', '3s', '--grace', '60s', '--reporter', 'json'],
  )
  await run.says(/"type":"firstWork"/)
  const first = eventsOf(here).find(({ type }) => type === 'assigned')!.host!
  links.cut(first)
  await run.says(/"state":"away"/)
  links.mend(first)
  t.equal((await run.ended).status, 0)
  t.equal(eventsOf(here).filter(({ type }) => type === 'assigned').length, 1)
  t.match(here.summary(), { instances: [{ host: first, verdict: 'pass' }] })
  t.ok(existsSync(join(here.dir, 'torture-results', here.runs()[0], 'sleeps.1/stats.jsonl')), 'with all that it left')
})
