/** A guest, started as a runner starts it, without a run around it. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import type { ExploreOptions, GuestCommand, InstanceResult, PlannedInstance } from '../results/schema.ts'
import { SCHEMA } from '../results/schema.ts'
import { EXPLORE } from '../torture/plan/explore.ts'
import { pinnedTo } from '../torture/runner/affinity.ts'
import type { BenchBundle } from './bundle.ts'

type Wanted = Pick<PlannedInstance, 'scenario' | 'module' | 'params' | 'threads' | 'durationMs'> & {
  /** A search by the deterministic scheduler, kept on one CPU. */
  readonly explore?: Pick<ExploreOptions, 'strategy' | 'executions'> & { readonly cpu: number }
}

/** Runs one instance, jitter off, and returns its end record. @throws Error unless it passes */
export async function runGuest(bundle: BenchBundle, { explore, ...wanted }: Wanted): Promise<InstanceResult> {
  const folder = mkdtempSync(join(tmpdir(), 'torture-bench-'))
  const instance: PlannedInstance = {
    ...wanted,
    name: `${wanted.scenario}.1`,
    ...(explore === undefined
      ? { mode: 'stress' }
      : { mode: 'explore', explore: { ...EXPLORE, strategy: explore.strategy, executions: explore.executions } }),
    seed: 1,
    bugs: [],
    jitter: 'off',
    hangAfterMs: 10_000,
    maxMemory: 0,
    keepGoing: false,
    cpus: wanted.threads.reduce((sum, { count }) => sum + count, 0),
    oversubscribed: false,
  }
  const path = join(folder, 'command.json')
  const whole = [...pinnedTo(explore?.cpu), process.execPath, join(bundle.dir, 'guest.js'), path]
  const command: GuestCommand = {
    schema: SCHEMA,
    command: whole,
    env: { NODE_OPTIONS: '' },
    bundle: 'bench',
    instance,
  }
  try {
    writeFileSync(path, JSON.stringify(command))
    mkdirSync(join(folder, 'guest'))
    // Its events go to a pipe that is read, its statistics to its folder: all that a run makes it do.
    const guest = execa(whole[0], whole.slice(1), {
      env: { NODE_OPTIONS: '', TORTURE_GUEST_DIR: join(folder, 'guest') },
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
      reject: false,
      all: true,
    })
    const { all } = await guest
    const verdict = join(folder, 'guest/verdict.json')
    const result = JSON.parse(readFileSync(verdict, 'utf8')) as InstanceResult
    if (result.verdict !== 'pass')
      throw new Error(`the guest of ${wanted.scenario} did not pass: ${result.reason}: ${all}`)
    return result
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
