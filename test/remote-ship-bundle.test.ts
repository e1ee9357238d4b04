/** A bundle arrives once, whole, or not at all. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { BundleSource } from '../remote/carrier.ts'
import { MARKER } from '../remote/host/layout.ts'
import { hashFolder } from '../results/bundle-text.ts'
import { bundleOf } from './helpers/bundles.ts'
import { lineTo, refusalOf, sshLab, withoutSshd } from './helpers/ssh-lab.ts'

const skip = { skip: withoutSshd }
const isRoot = process.getuid?.() === 0

const FILES = { 'bundle.json': '{}', 'a/b/guest.js': 'x'.repeat(10_000), 'an odd\nname \'"$': 'ü', empty: '' }

/** Random bytes do not get smaller: what is sent is at least this much. */
const large = (dir: string, bytes: number): BundleSource => bundleOf(dir, { 'noise.bin': randomBytes(bytes) })

t.test('a host that has a bundle receives nothing', skip, async t => {
  const lab = sshLab(t)
  const host = await lab.start('host')
  const bundle = bundleOf(t.testdir({}), FILES)
  const reached = await lab.connect('host')
  t.ok((await reached.ship(bundle)) > 0)
  const arrived = join(host.home, '.torture/bundles', bundle.hash)
  t.equal(hashFolder(arrived), bundle.hash)
  t.equal(readFileSync(join(arrived, 'an odd\nname \'"$'), 'utf8'), 'ü')
  t.equal(await reached.ship(bundle), 0)
  t.equal(await (await lab.connect('host')).ship(bundle), 0, 'nor by another connection')
  t.same(readdirSync(join(host.home, '.torture')).sort(), [MARKER, 'bundles'])
  t.same(readdirSync(join(host.home, '.torture/bundles')), [bundle.hash], 'no draft is left')
})

t.test('a bundle that was damaged on the host is sent again', skip, async t => {
  const lab = sshLab(t)
  const { home } = await lab.start('host')
  const bundle = bundleOf(t.testdir({}), FILES)
  const reached = await lab.connect('host')
  await reached.ship(bundle)
  appendFileSync(join(home, '.torture/bundles', bundle.hash, 'a/b/guest.js'), '!')
  t.ok((await reached.ship(bundle)) > 0)
  t.equal(hashFolder(join(home, '.torture/bundles', bundle.hash)), bundle.hash)
})

t.test('what hashes to another name is refused', skip, async t => {
  const lab = sshLab(t)
  const { home } = await lab.start('host')
  const { dir } = bundleOf(t.testdir({}), FILES)
  const hash = 'f'.repeat(64)
  const reached = await lab.connect('host')
  t.match(await refusalOf(reached.ship({ hash, dir })), { kind: 'damaged', message: /arrived damaged/ })
  t.same(readdirSync(join(home, '.torture/bundles')), [])
})

t.test('a link that is cut during an upload leaves nothing, and the next one redoes it', skip, async t => {
  const lab = sshLab(t)
  const host = await lab.start('host')
  const bundle = large(t.testdir({}), 4_000_000)
  const line = await lineTo(t, () => host.port, 1_000_000)
  appendFileSync(lab.knownHosts, `[127.0.0.1]:${line.port} ${host.publicKey}\n`)
  lab.alias('cut', line.port)
  const reached = await lab.connect('cut')
  t.match(await refusalOf(reached.ship(bundle)), { kind: 'cut', fatal: false })
  t.match(await reached.closed, { kind: 'cut' })
  t.ok(line.sent() >= 1_000_000)
  const bundles = join(host.home, '.torture/bundles')
  t.same(readdirSync(bundles), [])
  // What a host that lost its power in the middle would leave.
  const drafts = [
    `.incoming-abc-999999999@${hostname()}`,
    `.incoming-abd-${process.pid}@${hostname()}`,
    '.incoming-abe-1@elsewhere',
  ]
  for (const name of drafts) mkdirSync(join(bundles, name))
  utimesSync(join(bundles, '.incoming-abe-1@elsewhere'), 0, 0)
  t.ok((await (await lab.connect('host')).ship(bundle)) > 4_000_000)
  t.same(readdirSync(bundles).sort(), [drafts[1], bundle.hash].sort(), 'what is dead goes, what may be alive stays')
  t.equal(hashFolder(join(bundles, bundle.hash)), bundle.hash)
})

t.test('several drivers at once do not hurt each other', skip, async t => {
  const lab = sshLab(t)
  const { home } = await lab.start('host')
  const bundle = large(t.testdir({}), 300_000)
  const drivers = await Promise.all([1, 2, 3].map(() => lab.connect('host')))
  const sent = await Promise.all(drivers.map(driver => driver.ship(bundle)))
  t.ok(sent.every(bytes => bytes === 0 || bytes > 300_000))
  t.same(readdirSync(join(home, '.torture/bundles')), [bundle.hash])
  t.equal(hashFolder(join(home, '.torture/bundles', bundle.hash)), bundle.hash)
})

t.test('a directory that is not ours is refused, and not touched', skip, async t => {
  const lab = sshLab(t)
  const { home } = await lab.start('host')
  const bundle = bundleOf(t.testdir({}), FILES)
  mkdirSync(join(home, 'photos'))
  writeFileSync(join(home, 'photos/holiday.jpg'), 'x')
  writeFileSync(join(home, 'file'), 'x')
  mkdirSync(join(home, 'odd'))
  writeFileSync(join(home, 'odd', MARKER), 'something else')
  mkdirSync(join(home, 'newer'))
  writeFileSync(join(home, 'newer', MARKER), 'torture 2\n')
  for (const [directory, message] of [
    ['photos', /photos is not torture's: it has no \.torture-host and is not empty/],
    ['file', /file is a file/],
    ['odd', /\.torture-host is not what torture writes/],
    ['newer', /made by a newer torture/],
  ] as const) {
    t.match(await lab.refusal('host', { directory }), { kind: 'not-ours', fatal: true, message })
  }
  t.same(readdirSync(join(home, 'photos')), ['holiday.jpg'])
  mkdirSync(join(home, 'empty'))
  t.ok((await (await lab.connect('host', { directory: 'empty' })).ship(bundle)) > 0, 'an empty one becomes ours')
  symlinkSync(join(home, 'empty'), join(home, 'link'))
  t.equal(await (await lab.connect('host', { directory: 'link' })).ship(bundle), 0, 'a link to one of ours is one')
})

t.test('no permission is one clear line', skip, async t => {
  const lab = sshLab(t)
  const { home } = await lab.start('host')
  const directory = isRoot ? '/proc/torture' : join(home, 'locked/x')
  if (!isRoot) {
    mkdirSync(join(home, 'locked'))
    chmodSync(join(home, 'locked'), 0o500)
  }
  const bundle = bundleOf(t.testdir({}), FILES)
  const refused = await refusalOf(lab.connect('host', { directory }).then(reached => reached.ship(bundle)))
  t.match(refused, {
    kind: 'no-permission',
    fatal: true,
    message: /^host: cannot make .*another directory in the hosts file$/,
  })
})

const noDisk = withoutSshd || (isRoot ? false : 'a file system of our own takes the superuser')

/** A small disk in the home of a host. */
function smallDisk(t: { teardown(undo: () => unknown): unknown }, home: string, options: string): string {
  const disk = join(home, 'disk')
  mkdirSync(disk)
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', disk])
  t.teardown(() => execFileSync('umount', ['-l', disk]))
  return join(disk, 'torture')
}

t.test('a disk without room for the bundle is one clear line, before anything is sent', { skip: noDisk }, async t => {
  const lab = sshLab(t)
  const { home } = await lab.start('host')
  const directory = smallDisk(t, home, 'size=3m')
  const reached = await lab.connect('host', { directory })
  t.match(await refusalOf(reached.ship(large(t.testdir({}), 2_500_000))), {
    kind: 'no-space',
    fatal: false,
    message: /^host: .*disk\/torture has \d\.\d MB left and the bundle needs 2\.5 MB: torture hosts clean frees/,
  })
  t.same(readdirSync(directory), [MARKER])
})

t.test(
  'a disk that is full while the bundle is written is one clear line, and nothing is left',
  { skip: noDisk },
  async t => {
    const lab = sshLab(t)
    const { home } = await lab.start('host')
    const directory = smallDisk(t, home, 'size=9m,nr_inodes=12')
    const files = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`file-${n}`, 'x']))
    const reached = await lab.connect('host', { directory })
    t.match(await refusalOf(reached.ship(bundleOf(t.testdir({}), files))), {
      kind: 'no-space',
      message: /^host: cannot store the bundle in .*: the disk is full/,
    })
    t.same(readdirSync(join(directory, 'bundles')), [])
  },
)
