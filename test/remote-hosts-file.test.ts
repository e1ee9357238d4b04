/**
 * The hosts of a fleet, and docs/hosts.schema.json, which is made from what checks them. To make it anew after a change:
 *
 *     UPDATE_SCHEMA=1 npx tap test/remote-hosts-file.test.ts && npm run format
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { toJsonSchema } from '@valibot/to-json-schema'
import t from 'tap'
import { hostsFile, parseHosts } from '../remote/hosts.ts'

const path = new URL('../docs/hosts.schema.json', import.meta.url)

t.test('the JSON schema in docs is that of the validators', async t => {
  const made = {
    title: 'The hosts of a torture fleet',
    description: 'What --hosts FILE takes. See fleet.md.',
    ...toJsonSchema(hostsFile, { errorMode: 'throw', target: 'draft-2020-12' }),
  }
  if (process.env.UPDATE_SCHEMA) writeFileSync(path, JSON.stringify(made))
  t.same(JSON.parse(readFileSync(path, 'utf8')), made, 'make it anew: see the head of this test')
})

t.test('names with commas', async t => {
  t.same(parseHosts('lab-a, lab-b,local'), [
    { name: 'lab-a', carrier: 'ssh' },
    { name: 'lab-b', carrier: 'ssh' },
    { name: 'local', carrier: 'local' },
  ])
  for (const [given, message] of [
    ['', /a name is missing/],
    ['a,,b', /a name is missing between commas/],
    ['a,b,a', /the host a is named twice in a,b,a/],
    ['lab,LAB', /named twice/],
    ['-oProxyCommand=x', /'-oProxyCommand=x': expected letters/],
    ['a b', /'a b': expected letters/],
    ['..', /expected letters/],
    [`${'a'.repeat(65)}`, /at most 64 letters/],
  ] as const) {
    t.throws(() => parseHosts(given), { message, exitCode: 2 }, given)
  }
})

t.test('a file says more', async t => {
  const dir = t.testdir({
    'lab.json': JSON.stringify({
      $schema: 'hosts.schema.json',
      hosts: [
        'lab-a',
        { name: 'big', alias: 'lab-b', cpus: 64, tags: ['numa', 'amd'], directory: '/scratch/a b', node: '~/node' },
        { name: 'far', address: '2001:db8::1', port: 2200, user: 'me' },
        { name: 'local', cpus: 2 },
        { name: 'here', carrier: 'local' },
        { name: 'local-by-ssh', alias: 'local' },
      ],
    }),
    list: '["a", "b"]',
  })
  const specs = parseHosts(join(dir, 'lab.json'))
  t.same(
    specs.map(({ name, carrier }) => `${name} ${carrier}`),
    ['lab-a ssh', 'big ssh', 'far ssh', 'local local', 'here local', 'local-by-ssh ssh'],
  )
  t.same(specs[1], {
    name: 'big',
    carrier: 'ssh',
    alias: 'lab-b',
    cpus: 64,
    tags: ['numa', 'amd'],
    directory: '/scratch/a b',
    node: '~/node',
  })
  t.same(parseHosts(join(dir, 'list')), [
    { name: 'a', carrier: 'ssh' },
    { name: 'b', carrier: 'ssh' },
  ])
})

t.test('what is wrong is named', async t => {
  const host = (entry: object) => ({ hosts: ['fine', { name: 'x', ...entry }] })
  const cases: readonly (readonly [unknown, RegExp])[] = [
    ['{', /is no JSON: /],
    [7, /expected \{ "hosts": \[ … \] \}/],
    [null, /expected/],
    [{ host: [] }, /host means nothing: did you mean 'hosts'\?/],
    [{ hosts: 'a' }, /expected/],
    [{ hosts: [] }, /hosts is empty/],
    [{ hosts: [{}] }, /hosts\[0\]: name is missing/],
    [{ hosts: ['../x'] }, /hosts\[0\] \("\.\.\/x"\): expected letters/],
    [{ hosts: ['a', 'A'] }, /the host A is named twice/],
    [host({ cpu: 4 }), /hosts\[1\] \("x"\): cpu means nothing: did you mean 'cpus'\?/],
    [host({ colour: 4 }), /colour means nothing: there are name, carrier, alias, /],
    [host({ cpus: 0 }), /cpus: /],
    [host({ cpus: 1.5 }), /cpus: /],
    [host({ cpus: '4' }), /cpus: /],
    [host({ port: 70_000 }), /port: /],
    [host({ alias: '-oProxyCommand=id' }), /alias: expected a name as in an ssh configuration/],
    [host({ alias: 'a\nb' }), /alias: /],
    [host({ address: 'a b' }), /address: expected a host name or an IP address/],
    [host({ user: '-l' }), /user: expected/],
    [host({ tags: 'x' }), /tags: /],
    [host({ directory: '' }), /directory: expected a path/],
    [host({ node: 'a\0b' }), /node: expected a path/],
    [host({ carrier: 'pigeon' }), /carrier: /],
    [host({ carrier: 'local', alias: 'y' }), /the host x is this machine: alias, address, port and user mean nothing/],
  ]
  for (const [content, message] of cases) {
    const file = join(t.testdir(), 'hosts.json')
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
    t.throws(() => parseHosts(file), { message, exitCode: 2 }, String(message))
    try {
      parseHosts(file)
    } catch (error) {
      t.notMatch((error as Error).message, '\n', 'one line')
    }
  }
  t.throws(() => parseHosts('absent.json'), { message: /the hosts file absent\.json: there is no such file/ })
  t.throws(() => parseHosts('./absent'), { message: /there is no such file/ })
})
