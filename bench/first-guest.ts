/** How long it takes from the command to the first guest on a host that has the bundle, over loopback. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { type SshLab, sshLab, withoutSshd } from '../test/helpers/ssh-lab.ts'
import { packageRoot } from '../torture/paths.ts'
import { type Finding, median, type Skipped, summarise } from './finding.ts'

const REPEATS = 11
const command = join(packageRoot, 'dist/cli/cli.js')

export async function firstGuest(): Promise<(Finding | Skipped)[]> {
  if (withoutSshd) return [{ name: 'first guest', skipped: withoutSshd }]
  if (!existsSync(command)) return [{ name: 'first guest', skipped: 'the command is not built: npm run build' }]
  const undo: (() => unknown)[] = []
  const lab = sshLab({ teardown: action => undo.push(action) })
  const folder = mkdtempSync(join(tmpdir(), 'torture-bench-'))
  undo.push(() => rmSync(folder, { recursive: true, force: true }))
  try {
    await lab.start('near')
    return await measure(lab, folder)
  } finally {
    for (const action of undo.reverse()) await action()
  }
}

async function measure(lab: SshLab, folder: string): Promise<Finding[]> {
  const run = () => firstStarted(lab, join(folder, 'results'))
  // The first run brings the bundle.
  await run()
  const seen: { bare: number; first: number }[] = []
  for (let n = 0; n < REPEATS; n++) {
    const bare = await bareNode()
    seen.push({ bare, first: await run() })
  }
  const notes = [`node -e 0: ${Math.ceil(median(seen.map(({ bare }) => bare)))} ms; sshd runs on this machine, too`]
  return [
    {
      name: 'first guest by ssh',
      what: '`torture run --hosts near`, a host that has the bundle: from its start to the start of the guest there',
      ...summarise(seen.map(({ first }) => first)),
      unit: 'ms',
      goal: { is: 'at most', value: 1000 },
      notes,
    },
    {
      name: 'first guest by ssh ÷ node',
      what: 'the same as a multiple of `node -e 0`, since machines differ',
      ...summarise(seen.map(({ first, bare }) => first / bare)),
      unit: 'x',
      notes,
    },
  ]
}

async function bareNode(): Promise<number> {
  const started = performance.now()
  await execa(process.execPath, ['-e', '0'], { env: { NODE_OPTIONS: '' } })
  return performance.now() - started
}

/** The guest's own note of when it was started; host and driver have one clock. */
async function firstStarted({ configFile }: SshLab, results: string): Promise<number> {
  const earlier = existsSync(results) ? readdirSync(results) : []
  const started = Date.now()
  const what = ['run', '-s', 'rwsem', '--duration', '100ms', '--bridge', '0', '--reporter', 'plain']
  const { exitCode, all } = await execa(
    process.execPath,
    [command, ...what, '--hosts', 'near', '--ssh-config', configFile, '--results', results],
    { env: { NODE_OPTIONS: '' }, reject: false, all: true },
  )
  if (exitCode !== 0 && exitCode !== 4) throw new Error(`torture ${what.join(' ')} ends with ${exitCode}: ${all}`)
  const [fresh] = readdirSync(results).filter(name => name !== 'bundles' && !earlier.includes(name))
  const verdict = JSON.parse(readFileSync(join(results, fresh, 'rwsem.1/verdict.json'), 'utf8'))
  return Date.parse(verdict.startedAt) - started
}
