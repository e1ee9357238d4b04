/** How long the command takes before it does something useful, seen from outside. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { packageRoot } from '../torture/paths.ts'
import { type Finding, median, type Skipped, summarise } from './finding.ts'

const REPEATS = 11
const command = join(packageRoot, 'dist/cli/cli.js')
const OWN = `import { defineScenario } from 'torture'
export default defineScenario({ name: 'own', summary: 'nothing', setup: () => ({}), threads: { one: { run: () => {} } } })
`

export async function startup(): Promise<(Finding | Skipped)[]> {
  if (!existsSync(command)) return [{ name: 'startup', skipped: 'the command is not built: npm run build' }]
  const folder = mkdtempSync(join(tmpdir(), 'torture-bench-'))
  try {
    return await measure(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measure(folder: string): Promise<Finding[]> {
  const results = join(folder, 'results')
  const seen: { bare: number; help: number; run: number; first: number; own: number }[] = []
  const file = join(folder, 'own.mjs')
  writeFileSync(file, OWN)
  // The first run stores the bundle.
  await run(results)
  for (let n = 0; n < REPEATS; n++) {
    const bare = await timed(['-e', '0'])
    const lag = await untilOrigin()
    const help = await timed([command, '--help'])
    const own = await timed([command, 'run', file, '--dry-run'])
    const whole = await run(results)
    seen.push({ bare, help, own, run: whole.ms, first: whole.firstWorkMs + lag })
  }
  const common = { notes: [`node -e 0: ${Math.ceil(median(seen.map(it => it.bare)))} ms`] }
  return [
    {
      ...common,
      name: 'startup, --help',
      what: '`torture --help` ÷ `node -e 0`',
      ...summarise(seen.map(({ help, bare }) => help / bare)),
      unit: 'x',
      goal: { is: 'at most', value: 3.5 },
    },
    {
      ...common,
      name: 'startup, first fault',
      what: '`torture run -s vma-lock`, without npx: from its start to the moment the threads are let go in the guest',
      ...summarise(seen.map(({ first }) => first)),
      unit: 'ms',
      goal: { is: 'at most', value: 500 },
    },
    {
      ...common,
      name: 'startup, first fault ÷ node',
      what: 'the same as a multiple of `node -e 0`, since machines differ',
      ...summarise(seen.map(({ first, bare }) => first / bare)),
      unit: 'x',
    },
    {
      ...common,
      name: "startup, a user's file",
      what: '`torture run ./own.mjs --dry-run` ÷ `node -e 0`: compiles, describes and plans a file that imports `torture`',
      ...summarise(seen.map(({ own, bare }) => own / bare)),
      unit: 'x',
    },
    {
      ...common,
      name: 'startup, run of 1 s',
      what: 'wall time of `torture run -s vma-lock --duration 1s`, its bundle stored',
      ...summarise(seen.map(it => it.run)),
      unit: 'ms',
      goal: { is: 'at most', value: 2000 },
    },
  ]
}

async function timed(args: readonly string[]): Promise<number> {
  const started = performance.now()
  await execa(process.execPath, args, { env: { NODE_OPTIONS: '' } })
  return performance.now() - started
}

const now = () => performance.timeOrigin + performance.now()

/** From starting a process to the origin of its clock, which is what a guest can tell its own times from. */
async function untilOrigin(): Promise<number> {
  const started = now()
  const { stdout } = await execa(process.execPath, ['-p', 'performance.timeOrigin'], { env: { NODE_OPTIONS: '' } })
  return Number(stdout) - started
}

/**
 * Runs it, and says how long it took, and when its threads were let go: the runner's note that it starts the guest,
 * plus the guest's own time to its first work. What lies between is for the caller to add.
 */
async function run(results: string): Promise<{ ms: number; firstWorkMs: number }> {
  const before = existsSync(results) ? readdirSync(results) : []
  const started = now()
  const args = ['run', '-s', 'vma-lock', '--duration', '1s', '--reporter', 'plain', '--results', results]
  const { exitCode, all } = await execa(process.execPath, [command, ...args], {
    env: { NODE_OPTIONS: '' },
    reject: false,
    all: true,
  })
  const ms = now() - started
  if (exitCode !== 0 && exitCode !== 4) throw new Error(`torture ${args.join(' ')} ends with ${exitCode}: ${all}`)
  const [fresh] = readdirSync(results).filter(name => name !== 'bundles' && !before.includes(name))
  const lines = readFileSync(join(results, fresh, 'events.jsonl'), 'utf8')
    .split('\n')
    .filter(Boolean)
  const guest = lines.map(line => JSON.parse(line)).find(({ type }) => type === 'started')
  const verdict = JSON.parse(readFileSync(join(results, fresh, 'vma-lock.1/verdict.json'), 'utf8'))
  return { ms, firstWorkMs: Date.parse(guest.at) - started + verdict.firstWorkMs }
}
