/** known_hosts, as sshd(8) describes it, and read strictly. */
import { execFileSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { judgeKey, keyAlgorithms, knownKeys, lookupName, matchesHost, revokedKeys } from '../remote/ssh/known-hosts.ts'
import { withoutSshd } from './helpers/ssh-lab.ts'

/** A key's blob, as far as anybody looks into it. */
function keyOf(type: string, fill: number): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(type.length)
  return Buffer.concat([length, Buffer.from(type), Buffer.alloc(32, fill)])
}

const ED = 'ssh-ed25519'
const [first, second] = [keyOf(ED, 1), keyOf(ED, 2)]
const line = (patterns: string, key: Buffer, type = ED) => `${patterns} ${type} ${key.toString('base64')} a comment`

function trustIn(dir: string, lines: readonly string[], key = first, name = 'host') {
  const file = join(dir, 'known_hosts')
  writeFileSync(file, lines.join('\n'))
  return judgeKey(knownKeys([file], name), key)
}

t.test('a name, its port, its patterns', async t => {
  t.equal(lookupName('Host.Example', 22), 'host.example')
  t.equal(lookupName('Host', 2201), '[host]:2201')
  t.equal(lookupName('::1', 2201), '[::1]:2201')
  for (const [patterns, name, expected] of [
    ['host', 'host', true],
    ['HOST', 'host', true],
    ['a,host,b', 'host', true],
    ['host', 'hosts', false],
    ['*.lab', 'a.lab', true],
    ['*.lab,!bad.lab', 'bad.lab', false],
    ['!bad.lab,*.lab', 'bad.lab', false],
    ['!bad.lab', 'good.lab', false],
    ['h?st', 'host', true],
    ['h.st', 'host', false],
    ['[host]:2201', '[host]:2201', true],
    ['[host]:2201', 'host', false],
    ['host', '[host]:2201', false],
    ['[*]:2201', '[host]:2201', true],
  ] as const) {
    t.equal(matchesHost(patterns, name), expected, `${patterns} and ${name}`)
  }
})

t.test('hashed names', async t => {
  const salt = Buffer.alloc(20, 7)
  const hashed = (name: string) =>
    `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`
  t.ok(matchesHost(hashed('host'), 'host'))
  t.notOk(matchesHost(hashed('host'), 'other'))
  for (const damaged of ['|1|', '|1|x', '|2|a|b', '|', hashed('host').slice(0, -4)])
    t.notOk(matchesHost(damaged, 'host'))
  t.match(trustIn(t.testdir(), ['# hashed', line(hashed('[host]:2201'), first)], first, '[host]:2201'), {
    kind: 'trusted',
    by: { line: 2 },
  })
})

t.test('hashed by ssh-keygen itself', { skip: withoutSshd }, async t => {
  const file = join(t.testdir({ known_hosts: '' }), 'known_hosts')
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', `${file}.key`])
  const [, blob] = execFileSync('ssh-keygen', ['-y', '-f', `${file}.key`], { encoding: 'utf8' }).split(' ')
  writeFileSync(file, `[127.0.0.1]:2201 ${ED} ${blob}\n`)
  execFileSync('ssh-keygen', ['-H', '-f', file], { stdio: 'ignore' })
  t.match(judgeKey(knownKeys([file], '[127.0.0.1]:2201'), Buffer.from(blob, 'base64')), { kind: 'trusted' })
  t.match(judgeKey(knownKeys([file], '127.0.0.1'), Buffer.from(blob, 'base64')), { kind: 'unknown' })
})

t.test('a key is trusted, unknown, changed or revoked', async t => {
  t.match(trustIn(t.testdir(), [line('host', first)]), { kind: 'trusted' })
  t.match(trustIn(t.testdir(), []), { kind: 'unknown', others: [] })
  t.match(trustIn(t.testdir(), [line('other', first)]), { kind: 'unknown' })
  t.match(trustIn(t.testdir(), ['', line('host', second)]), { kind: 'changed', by: { line: 2 } })
  t.match(
    trustIn(t.testdir(), [line('host', second), line('host', first)]),
    { kind: 'trusted' },
    'a host may have several',
  )
  t.match(trustIn(t.testdir(), [line('host', first), `@revoked ${line('*', first)}`]), {
    kind: 'revoked',
    by: { line: 2 },
  })
  t.match(trustIn(t.testdir(), [`@revoked ${line('host', second)}`, line('host', first)]), { kind: 'trusted' })
  t.match(
    trustIn(t.testdir(), [`@cert-authority ${line('host', first)}`]),
    { kind: 'unknown' },
    'an authority is no host',
  )
  t.match(trustIn(t.testdir(), [`@cert-authority ${line('host', second)}`]), {
    kind: 'unknown',
    others: [{ marker: '@cert-authority' }],
  })
  t.match(
    trustIn(t.testdir(), [`@something ${line('host', first)}`]),
    { kind: 'unknown' },
    'what nobody knows vouches for nothing',
  )
  const other = keyOf('ecdsa-sha2-nistp256', 1)
  t.match(
    trustIn(t.testdir(), [line('host', other, 'ecdsa-sha2-nistp256')]),
    { kind: 'unknown' },
    'of another type it is no change',
  )
})

t.test('several files; one that is not there says nothing', async t => {
  const dir = t.testdir({ one: line('host', second), two: line('host', first) })
  const files = ['one', 'absent', 'two'].map(name => join(dir, name))
  t.match(judgeKey(knownKeys(files, 'host'), first), { kind: 'trusted', by: { file: join(dir, 'two') } })
})

t.test('a host with several keys is asked for one that can be compared', async t => {
  const dir = t.testdir({
    known_hosts: [line('host', keyOf('ssh-rsa', 1), 'ssh-rsa'), line('else', first)].join('\n'),
  })
  const order = keyAlgorithms(knownKeys([join(dir, 'known_hosts')], 'host'))
  t.same(order.slice(0, 3), ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-ed25519'])
  t.equal(keyAlgorithms([])[0], 'ssh-ed25519')
  t.equal(new Set(order).size, order.length)
})

t.test('RevokedHostKeys: what cannot be read cannot be obeyed', async t => {
  const dir = t.testdir({ text: `# keys\n${ED} ${first.toString('base64')}\n`, binary: 'SSHKRL\n\0\0' })
  const revoked = revokedKeys(join(dir, 'text'))
  t.match(judgeKey([...revoked, { ...revoked[0]!, marker: undefined }], first), { kind: 'revoked', by: { line: 2 } })
  t.throws(() => revokedKeys(join(dir, 'binary')), /binary list/)
  t.throws(() => revokedKeys(join(dir, 'absent')))
})
