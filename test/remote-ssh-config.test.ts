/** The ssh configuration: OpenSSH's own answer, and the reader that takes its place where there is no ssh. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { HostProblem, type HostSpec } from '../remote/carrier.ts'
import { hopOf, routeTo } from '../remote/ssh/config.ts'
import { readSettings } from '../remote/ssh/config-reader.ts'
import { parseSettings } from '../remote/ssh/settings.ts'

const hasSsh = (() => {
  try {
    execFileSync('ssh', ['-V'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()
const skip = { skip: hasSsh ? false : 'there is no ssh' }

const CONFIG = `
# what stands first counts
Host first
  User one
Host f* !fast
  User two
  Port=2222
  IdentityFile "~/.ssh/with blank"
  IdentityFile ~/.ssh/%h-%r
Host quoted "also quoted"
  HostName = "10.0.0.1"
Host token
  HostName %h.example.org
  IdentityFile none
Match host token.example.org
  User matched
Match originalhost token user matched
  Port 77
Match !host *.org localuser *
  HostKeyAlias Not-Org
Include INCLUDED/*.conf INCLUDED/absent
Host *
  User last
  IdentitiesOnly yes
  ConnectTimeout 7
`

const KEYS = [
  'hostname',
  'port',
  'user',
  'identityfile',
  'identitiesonly',
  'hostkeyalias',
  'connecttimeout',
  'proxyjump',
]

t.test('our reader says what ssh -G says', skip, async t => {
  const dir = t.testdir({
    parts: {
      'a.conf': 'Host inner\n  HostName 10.0.0.9\n  ProxyJump u@jump:2200,[::1]:22\n',
      'b.conf': 'Host other\nInclude c.none\n',
      'c.txt': 'Host inner\n  Port 1\n',
    },
  })
  const file = join(dir, 'config')
  writeFileSync(file, CONFIG.replaceAll('INCLUDED', join(dir, 'parts')))
  for (const alias of ['first', 'fast', 'fine', 'quoted', 'token', 'inner', 'else']) {
    for (const overrides of [{}, { user: 'u', port: 9 }, { address: '192.0.2.1' }]) {
      const { user, port, address } = overrides as { user?: string; port?: number; address?: string }
      const flags = [
        ...(user ? ['-l', user] : []),
        ...(port ? ['-p', String(port)] : []),
        ...(address ? ['-o', `HostName=${address}`] : []),
      ]
      const said = execFileSync('ssh', ['-F', file, ...flags, '-G', '--', alias], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      const [theirs, ours] = [parseSettings(said), readSettings(alias, overrides, file)]
      // What ssh prints of what nobody has set depends on its version.
      const set = KEYS.filter(key => ours.has(key) && !(key === 'identityfile' && /id_rsa/.test(String(ours.get(key)))))
      for (const key of set) {
        const lower = (values: unknown) => (key === 'hostkeyalias' ? String(values).toLowerCase() : values)
        t.same(lower(ours.get(key)), lower(theirs.get(key)), `${alias} ${JSON.stringify(overrides)}: ${key}`)
      }
    }
  }
})

t.test('what the reader cannot decide it refuses, with its place', async t => {
  const dir = t.testdir({
    exec: 'Host a\nMatch exec "true"\n',
    loop: 'Include loop\n',
  })
  t.throws(() => readSettings('a', {}, join(dir, 'exec')), { message: /exec:2: Match exec is OpenSSH's own/ })
  writeFileSync(join(dir, 'loop'), `Include ${join(dir, 'loop')}\n`)
  t.throws(() => readSettings('a', {}, join(dir, 'loop')), { message: /loop:1: Include goes too deep/ })
  t.throws(() => readSettings('a', {}, join(dir, 'absent')), { message: /absent cannot be read \(ENOENT\)/ })
})

t.test('tokens, homes and agents', async t => {
  const home = userInfo().homedir || homedir()
  const hop = (...lines: string[]) =>
    hopOf('alias', parseSettings(['hostname h', 'port 5', 'user me', ...lines].join('\n')))
  t.same(hop('identityfile ~/.ssh/%n-%h-%p-%r-%%').identityFiles, [join(home, '.ssh/alias-h-5-me-%')])
  t.same(hop('identityfile none').identityFiles, [])
  t.equal(hop('identityagent none').agent, undefined)
  t.equal(hop('identityagent ~/agent').agent, join(home, 'agent'))
  process.env.TORTURE_TEST_AGENT = '/tmp/agent'
  t.equal(hop('identityagent $TORTURE_TEST_AGENT').agent, '/tmp/agent')
  const dir = t.testdir({ 'with blank': '', plain: '' })
  const [odd, plain] = [join(dir, 'with blank'), join(dir, 'plain')]
  t.same(hop(`userknownhostsfile ${plain} ${odd} /absent`).knownHosts, [plain, odd, '/absent'])
})

const spec = (name: string, more: Partial<HostSpec> = {}): HostSpec => ({ name, carrier: 'ssh', ...more })

t.test('jump hosts are resolved by the same configuration', skip, async t => {
  const file = join(
    t.testdir({
      config: `
Host target
  HostName 10.0.0.3
  ProxyJump gate,me@second:2200
Host gate
  HostName 10.0.0.1
  ProxyJump outer
Host second
  HostName 10.0.0.2
  ProxyJump never
Host ring-a
  ProxyJump ring-b
Host ring-b
  ProxyJump ring-a
Host command
  ProxyCommand nc %h %p
`,
    }),
    'config',
  )
  const route = await routeTo(spec('target', { port: 7 }), file)
  t.same(
    route.map(({ alias, address, port }) => `${alias} ${address}:${port}`),
    ['outer outer:22', 'gate 10.0.0.1:22', 'second 10.0.0.2:2200', 'target 10.0.0.3:7'],
  )
  t.equal(route[2]!.user, 'me')
  for (const [name, message] of [
    ['ring-a', /^ring-a: more than 8 jump hosts/],
    ['command', /ProxyCommand of command is not carried out: say ProxyJump/],
  ] as const) {
    const problem = await routeTo(spec(name), file).catch(error => error)
    t.ok(problem instanceof HostProblem && problem.kind === 'config' && problem.fatal, name)
    t.match(problem.message, message)
  }
})

t.test('a configuration that ssh refuses is named with its line', skip, async t => {
  const file = join(t.testdir({ config: 'Host a\n  Colour blue\n' }), 'config')
  t.match(await routeTo(spec('a'), file).catch(error => error), {
    kind: 'config',
    message: /^a: .*config.*line 2.*colour/i,
  })
})
