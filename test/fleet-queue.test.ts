/** A plan over unequal hosts: who gets what, and that all of it comes back. */
import t from 'tap'
import { workspace } from './helpers/cli.ts'
import { eventsOf, hostsIn } from './helpers/fleet.ts'

t.test('a hundred instances over three unequal hosts', async t => {
  const here = workspace(t)
  const lab = hostsIn(here, {
    big: { cpus: 12, mode: 'honest' },
    two: { cpus: 6, mode: 'honest' },
    one: { cpus: 3, mode: 'honest' },
  })
  const line = ['run', '-s', '100*rwsem', '--hosts', lab, '--duration', '1s', '--reporter', 'json']
  const { status, stderr, stdout } = await here.torture(...line)
  t.equal(status, 0, stderr)
  const { instances, verdict } = here.summary()
  t.equal(verdict, 'pass')
  t.equal(instances.length, 100)
  t.equal(new Set(instances.map(({ name }) => name)).size, 100)
  const on = (host: string) => instances.filter(instance => instance.host === host).length
  t.ok(on('big') > 0 && on('two') > 0 && on('one') > 0, `${on('big')}, ${on('two')}, ${on('one')}`)
  const most: Record<string, number> = { big: 4, two: 2, one: 1 }
  const running: Record<string, number> = { big: 0, two: 0, one: 0 }
  for (const { type, host = '' } of eventsOf(here)) {
    if (type === 'assigned') running[host]++
    if (type === 'over') running[host]--
    if (running[host] > most[host]) t.fail(`${host} has ${running[host]} at once`)
  }
  t.same(running, { big: 0, two: 0, one: 0 })
  t.equal(stdout.split('\n').filter(text => text.includes('"type":"ended"')).length, 100, 'each ended once')
})

t.test('more threads than CPUs', async t => {
  const here = workspace(t)
  const lab = hostsIn(here, { narrow: { cpus: 2, mode: 'honest' } })
  const { status } = await here.torture('run', 'rwsem', '--hosts', lab, '--duration', '1s')
  t.equal(status, 0)
  const verdict = here.read('rwsem.1/verdict.json')
  t.match(verdict, { oversubscribed: true, host: 'narrow' }, 'its record says so')

  const refused = await here.torture('run', 'rwsem', '--hosts', lab, '--no-oversubscribe')
  t.equal(refused.status, 2)
  t.match(refused.stderr, /^torture: rwsem\.1: 3 threads fit none of the hosts: lower --threads/)
  t.equal(here.runs().length, 1, 'nothing was started')

  const wider = hostsIn(here, { narrow: { cpus: 2, mode: 'honest' }, fits: { cpus: 3, mode: 'honest' } })
  const fine = await here.torture('run', '-s', '3*rwsem', '--hosts', wider, '--no-oversubscribe')
  t.equal(fine.status, 0, fine.stderr)
  t.same([...new Set(here.summary().instances.map(({ host }) => host))], ['fits'])
  t.match(here.read('rwsem.1/verdict.json'), { oversubscribed: false })
})

t.test('what is said of it before anything starts', async t => {
  const here = workspace(t)
  const lab = hostsIn(here, { a: { cpus: 3 }, b: {} })
  const dry = await here.torture('run', 'rwsem', '--hosts', lab, '--dry-run')
  t.equal(dry.status, 0)
  t.match(dry.stdout, /^on a \(3 CPUs\), b, each by its own CPUs; none was connected to$/m)
  const wrong = async (...args: string[]) => {
    const { status, stderr } = await here.torture('run', 'rwsem', ...args)
    t.equal(status, 2, args.join(' '))
    return stderr
  }
  t.match(await wrong('--hosts', 'a,,b'), /a name is missing/)
  t.match(await wrong('--hosts', 'none.json'), /no such file/)
  t.match(await wrong('--hosts', lab, '--inspect'), /--inspect looks at a guest on this machine/)
  t.match(await wrong('--hosts', lab, '--node', process.execPath), /--node names binaries of this machine/)
  t.match(await wrong('--hosts', lab, '--ssh-config', 'none'), /--ssh-config none: there is no such file/)
  t.match(await wrong('--hosts', lab, '--grace', 'soon'), /--grace/)
  t.match(await wrong('--grace', '5s'), /--grace means nothing without --hosts/)
  t.same(here.runs(), [])
})
