/**
 * A replay does the same, bit for bit, a thousand times over, and with every version of Node that is found: those of
 * TORTURE_TEST_NODES (paths, separated by commas), or node22, node24 and node26 on the PATH.
 */
import { execFile, execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import t from 'tap'
import { temporaryFolder } from './helpers/folders.ts'
import type { Repeated, Task } from './helpers/repeats.ts'

const TIMES = 1000
const dir = temporaryFolder(t)
const file = join(dir, 'repeats.mjs')
await build({
  entryPoints: [fileURLToPath(new URL('./helpers/repeats.ts', import.meta.url))],
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.11',
  outfile: file,
})

async function repeat(node: string, task: Task): Promise<Repeated> {
  const { stdout } = await promisify(execFile)(node, [file, JSON.stringify(task)], { env: { PATH: process.env.PATH } })
  return JSON.parse(stdout)
}

const version = (node: string): string | undefined => {
  try {
    return execFileSync(node, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    // Not installed.
    return undefined
  }
}

const first = await repeat(process.execPath, { times: TIMES })
const [print] = Object.keys(first.seen)

t.test('a thousand replays of a failure are one and the same', async t => {
  t.strictSame(first.seen, { [print]: TIMES })
  t.match(print, /^2 taken \d times, \d+ in all \d+ steps [0-9a-f]{16}$/)
  const { schedule } = first
  t.ok(new Set(schedule).size === 3 && schedule.length > 30, `${schedule.length} steps of three threads`)
})

const named = process.env.TORTURE_TEST_NODES?.split(',').filter(node => node !== '')
const nodes = (named ?? ['node22', 'node24', 'node26']).filter(node => version(node) !== undefined || named)
const skip = nodes.length === 0 && 'NO OTHER VERSION OF NODE WAS TRIED: name some in TORTURE_TEST_NODES'
t.test('other versions of Node do the same', { skip }, async t => {
  for (const node of nodes) {
    const { seen } = await repeat(node, { times: 20, schedule: first.schedule })
    t.strictSame(seen, { [print]: 20 }, `${node}, ${version(node)}, against ${process.version}`)
  }
})
