/**
 * Are these scenarios worth anything? Puts a defect into a copy of each package and runs its scenario on it: it must
 * fail. Where the package fails as it is, a mended copy must pass instead.
 *
 *     npm install
 *     node seeded.mjs [NAME…]
 *
 * TORTURE names the command, default `npx torture`. Exit status 1: a defect was not caught.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const HERE = dirname(fileURLToPath(import.meta.url))
const [COMMAND, ...FIRST] = (process.env.TORTURE ?? 'npx torture').split(' ')

/** What is changed, in which files of the package, and what tells. `passes`: the change mends what is wrong. */
const CHANGES = [
  {
    name: 'ringbuf',
    package: 'ringbuf.js',
    what: 'what is read is given back before it is copied',
    files: ['dist/index.mjs'],
    from: /(const second_part = to_read - first_part;\n)([\s\S]*?)(\n *Atomics\.store\(this\.read_ptr[^;]*;)/,
    to: '$1$3\n    Atomics.load(this.write_ptr, 0);$2',
  },
  {
    name: 'sharedmap',
    package: 'sharedmap',
    what: 'the lock of the map is taken by a load and a store',
    files: ['index.js', 'index.es.js', 'index.umd.js'],
    from: /state = Atomics\.exchange\(this\.maplock, l, 1\);\s*if \(state == 0\)\s*return;/,
    to: 'state = Atomics.load(this.maplock, l);\nif (state == 0) { Atomics.store(this.maplock, l, 1); return; }',
  },
  {
    name: 'multithreading-mutex',
    package: 'multithreading',
    what: 'who waits for the condition looks at its number after it has unlocked',
    files: ['src/lib/sync/condvar.js'],
    from: /( *const seq = [^\n]*\n)( *controller\.unlock\(\);\n)( *Atomics\.wait)/,
    to: '$2$1$3',
  },
  {
    name: 'multithreading-locks',
    package: 'multithreading',
    what: 'the last reader wakes nobody',
    files: ['src/lib/sync/rwlock.js'],
    from: 'if (prevState === READ_ONE)',
    to: 'if (prevState === 0)',
  },
  {
    name: 'objectbuffer',
    package: '@bnaya/objectbuffer',
    what: 'the lock is taken by a load and a store',
    files: ['dist/objectbuffer.cjs.js', 'dist/objectbuffer.esm.js'],
    from: /const oldValue = Atomics\.compareExchange\(int32, 0, 0, agentId\);\s*return oldValue === 0;/,
    to: 'const free = Atomics.load(int32, 0) === 0;\nif (free) Atomics.store(int32, 0, agentId);\nreturn free;',
  },
  {
    name: 'sync-message-port',
    package: 'sync-message-port',
    what: 'the first message wakes nobody',
    files: ['dist/lib/atomic_counter.js'],
    from: 'if (Atomics.add(this.buffer, 0, 1n) === 0n)',
    to: 'if (Atomics.add(this.buffer, 0, 1n) === 1n)',
  },
  {
    name: 'synckit',
    package: 'synckit',
    what: 'the answer wakes nobody',
    files: ['lib/index.js', 'lib/index.cjs'],
    from: /Atomics\.notify\(sharedBufferView, [\w.]*NOTIFY_INDEX\);/,
    to: '',
    command: 'run',
  },
  {
    name: 'piscina',
    package: 'piscina',
    what: 'a task for a worker that sleeps does not wake it',
    files: ['dist/worker_pool/index.js'],
    from: /Atomics\.add\(this\.sharedBuffer, symbols_1\.kRequestCountField, 1\);\s*Atomics\.notify\([^)]*\);/,
    to: '',
    command: 'run',
  },
  {
    name: 'thread-stream',
    package: 'thread-stream',
    what: 'what is written is announced before it is copied',
    files: ['index.js'],
    from: /(let offset = current\n {2}let remaining = maxBytes\n)/,
    to: '$1  updateState(stream, () => Atomics.store(stream[kImpl].state, WRITE_INDEX, current + Math.min(maxBytes, stream[kImpl].bufLen)))\n',
    command: 'run',
  },
  {
    name: 'thread-stream',
    package: 'thread-stream',
    what: 'waits have no time-outs, which Node would keep when they are over',
    files: ['lib/wait.js'],
    from: 'const WAIT_MS = 10000',
    to: 'const WAIT_MS = Infinity',
    command: 'run',
    limit: '40s',
    passes: true,
  },
  {
    name: 'zenfs',
    package: '@zenfs/core',
    what: 'the lock is taken by a compare-and-exchange, and before an entry is chosen',
    files: ['dist/backends/single_buffer.js'],
    from: /this\.waitUnlocked\(\);\s*Atomics\.store\(this, MetadataBlock\.lockIndex, 1\);([\s\S]*)(let entry = [\s\S]*?)(const lock = [^\n]*superblock\.metadata\.lock[^\n]*\n)/,
    to: 'while (Atomics.compareExchange(this, MetadataBlock.lockIndex, 0, 1) !== 0) this.waitUnlocked();$1$3$2',
    passes: true,
  },
  {
    name: 'sharedmap-full',
    package: 'sharedmap',
    what: 'who only asks whether a key is there lets its line go',
    files: ['index.js', 'index.es.js', 'index.umd.js'],
    from: /if \(Atomics\.load\(this\.meta, META\.length\) === this\.meta\[META\.maxSize\]\)\s*if \(!this\._find\(key, exclusive\)\)/,
    to: `let there = true\n        if (Atomics.load(this.meta, META.length) === this.meta[META.maxSize])\n          if ((there = this._find(key, exclusive)) && !exclusive) this._unlockLine(there.pos)\n        if (!there)`,
    passes: true,
  },
  {
    name: 'sync-message',
    package: 'sync-message',
    what: 'who is woken looks again',
    files: ['dist/index.js'],
    from: 'if("timed-out"===Atomics.wait(r,1,0,n))return null;{',
    to: 'for(;Atomics.load(r,1)===0;)if("timed-out"===Atomics.wait(r,1,0,n))return null;{',
    passes: true,
  },
]

/** A copy of this folder, in which one package is changed. */
function copyWith({ package: name, files, from, to }) {
  const copy = mkdtempSync(join(tmpdir(), 'seeded-'))
  for (const entry of readdirSync(HERE))
    if (entry !== 'node_modules' && entry !== 'torture-results')
      cpSync(join(HERE, entry), join(copy, entry), { recursive: true })
  cpSync(join(HERE, 'node_modules'), join(copy, 'node_modules'), { recursive: true, dereference: true })
  for (const file of files) {
    const path = join(copy, 'node_modules', name, file)
    const text = readFileSync(path, 'utf8')
    const changed = text.replace(from, to)
    if (changed === text) throw new Error(`${name}/${file} has changed: there is nothing to replace`)
    writeFileSync(path, changed)
  }
  return copy
}

/** Exit status of the command: 0 passed, 1 failed, 4 it cannot tell. Anything else is no answer. */
function torture(folder, ...args) {
  const { status, stdout, stderr } = spawnSync(COMMAND, [...FIRST, ...args], { cwd: folder, encoding: 'utf8' })
  if ([0, 1, 4].includes(status) && stdout.length > 0) return status
  throw new Error(`${COMMAND} ${[...FIRST, ...args].join(' ')}: ${stderr}`)
}

let escaped = 0
const wanted = process.argv.slice(2)
for (const change of CHANGES) {
  if (wanted.length > 0 && !wanted.includes(change.name)) continue
  const folder = copyWith(change)
  const began = performance.now()
  const file = `./${change.name}.torture.ts`
  const limit = change.limit ?? (change.passes ? '5s' : '10s')
  const explored = change.command === 'run' ? undefined : torture(folder, 'explore', file, '--budget', limit)
  const stressed = explored === 1 ? undefined : torture(folder, 'run', file, '--duration', limit, '--jitter', 'high')
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  const failed = explored === 1 || stressed === 1
  const asExpected = failed !== (change.passes ?? false)
  if (!asExpected) escaped++
  const by = explored === 1 ? 'explore' : stressed === 1 ? 'run' : 'nothing failed'
  console.log(
    `${asExpected ? 'ok    ' : 'NOT OK'} ${change.name.padEnd(22)} ${by.padEnd(14)} ${seconds} s  ${change.what}`,
  )
  if (process.env.KEEP) console.log(folder)
  else rmSync(folder, { recursive: true })
}
process.exitCode = escaped === 0 ? 0 : 1
