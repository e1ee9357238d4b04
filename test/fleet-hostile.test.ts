/** Hosts that lie, or break: nothing is written where it should not be, nothing counts twice, a clear line says it. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { workspace } from './helpers/cli.ts'
import { eventsOf, hostsIn } from './helpers/fleet.ts'

/** What a host does, and what is said of it. */
const LIES: Readonly<Record<string, RegExp>> = {
  escape: /no file that a guest writes/,
  absolute: /no file that a guest writes/,
  stranger: /no file that a guest writes/,
  twice: /lists a file twice/,
  'no-list': /list of files is damaged/,
  'lists-more': /less than it lists/,
  'lists-less': /more than it lists/,
  'damaged-gzip': /damaged/,
  'wrong-sha': /sha256/,
  oversized: /1073741824 bytes, more than/,
  'too-much': /nobody asked for|larger than announced/,
  'damaged-record': /a record that is damaged/,
  'other-instance': /record of another instance/,
  'foreign-failure': /record of another instance/,
  'foreign-event': /failure of another instance/,
  'never-given': /never given/,
  claims: /never given/,
  garbage: /not a message/,
  endless: /a line of more than/,
  newer: /version 2 of the protocol/,
  refuses: /could not run .*the disk is full/,
}

t.test('each of them is given up; an honest host does the work, once', async t => {
  const here = workspace(t)
  const hosts = Object.fromEntries(Object.keys(LIES).map(mode => [mode, { cpus: 3, mode }]))
  const lab = hostsIn(here, { ...hosts, honest: { cpus: 3, mode: 'honest' } })
  const times = Object.keys(LIES).length + 5
  const { status, stderr } = await here.torture('run', '-s', `${times}*rwsem`, '--hosts', lab, '--duration', '1s')
  t.equal(status, 0, stderr)
  const { instances } = here.summary()
  t.equal(new Set(instances.map(({ name }) => name)).size, times, 'all of them')
  t.equal(instances.length, times, 'once')
  const events = eventsOf(here)
  for (const [mode, line] of Object.entries(LIES)) {
    const gone = events.find(({ type, host, state }) => type === 'host' && host === mode && state === 'gone')
    t.match(gone?.problem, line, mode)
    t.match(gone?.problem, new RegExp(`^${mode}: `), 'the line begins with its name')
    // That it adds something to a result that is whole is found out when the result has counted.
    if (mode !== 'too-much')
      t.notOk(
        instances.some(({ host }) => host === mode),
        `nothing of ${mode} counts`,
      )
  }
  const folder = join(here.dir, 'torture-results', here.runs()[0])
  const known = ['events.jsonl', 'fleet.json', 'plan.json', 'run.json', ...instances.map(({ name }) => name)]
  t.same(readdirSync(folder).sort(), known.sort(), 'nothing else in the folder of the run')
  for (const path of ['escaped.txt', 'torture-results/escaped.txt', `torture-results/${here.runs()[0]}/escaped.txt`])
    t.notOk(existsSync(join(here.dir, path)), path)
})

t.test('hosts that are all of no use: nothing is started, or it is lost', async t => {
  const here = workspace(t)
  here.write({
    'lab.json': '{"hosts":[{"name":"none","carrier":"local","directory":"/dev/null/x"}]}',
  })
  const refused = await here.torture('run', 'rwsem', '--hosts', 'lab.json')
  t.equal(refused.status, 3)
  t.match(refused.stderr, /^torture: no host can be used, and nothing was started: none: /)
  t.same(here.runs(), [])

  const lab = hostsIn(here, { liar: { mode: 'garbage' } })
  const { status, stdout } = await here.torture('run', 'rwsem', '--hosts', lab)
  t.equal(status, 3)
  t.match(stdout, /no host is left: liar: /)
  t.match(here.summary(), { verdict: 'lost', instances: [{ verdict: 'lost' }] })
})

t.test('a host that dies again and again is tried again; after a while nobody waits for it', async t => {
  const here = workspace(t)
  const lab = hostsIn(here, { mortal: { mode: 'dies' } })
  const { status, stdout } = await here.torture('run', 'rwsem', '--hosts', lab, '--grace', '500ms')
  t.equal(status, 3)
  t.match(stdout, /nothing was heard of mortal for 2 s/)
  t.match(eventsOf(here).find(({ state }) => state === 'away')?.problem, /mortal: .*Killed by the operator/)
})
