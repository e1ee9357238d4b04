/** Tests that `torture explore --emit` has written. */
import { execFile } from 'node:child_process'
import { copyFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Workspace } from './cli.ts'
import { temporaryFolder } from './folders.ts'

export interface Ran {
  readonly failed: boolean
  readonly said: string
}

/** Runs an emitted test somewhere else. */
export function run(file: string, ...args: string[]): Promise<Ran> {
  return new Promise(resolve => {
    execFile(process.execPath, [...args, file], { timeout: 60_000, cwd: tmpdir() }, (error, stdout, stderr) =>
      resolve({ failed: error !== null, said: stdout + stderr }),
    )
  })
}

/** Emits a test of a scenario, and takes it to a folder where nothing else is. */
export async function emitted(
  t: Test,
  { dir, torture }: Workspace,
  scenario: string,
  ...flags: string[]
): Promise<string> {
  const { stderr } = await torture('explore', scenario, '--cpus', '1', '--emit', 'found.test.mjs', ...flags)
  t.match(stderr, /wrote found\.test\.mjs/)
  const lone = temporaryFolder(t, 'torture-lone')
  copyFileSync(join(dir, 'found.test.mjs'), join(lone, 'found.test.mjs'))
  rmSync(dir, { recursive: true })
  return join(lone, 'found.test.mjs')
}
