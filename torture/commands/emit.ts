/** `--emit FILE`: where the test may be written, and which failure it is made of. */
import { closeSync, openSync, readSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { oneLine, shownPath } from '../../results/format.ts'
import { readFailure, readInterleaving } from '../../results/reader.ts'
import { quoted } from '../../results/typed.ts'
import { UsageError } from '../errors.ts'
import type { Launched } from './launch.ts'

/** How the first line of an emitted file begins: what begins otherwise is somebody's own and stays. */
const MARKER = '// Emitted by torture'

/** @throws UsageError where the file could not be written, or is not ours to replace */
export function checkEmit(file: string): void {
  if (!/\.m?js$/.test(file)) throw new UsageError(`--emit ${file}: a test file ends in .mjs, or in .js`)
  const folder = dirname(file)
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`--emit ${file}: there is no folder ${folder}`)
  }
  const stat = statSync(file, { throwIfNoEntry: false })
  if (stat !== undefined && !stat.isFile()) throw new UsageError(`--emit ${file}: it is not a file`)
  if (stat !== undefined && stat.size > 0 && beginning(file) !== MARKER) {
    throw new UsageError(`--emit ${file}: it was not emitted by torture and is not replaced; choose another name`)
  }
  tryToWrite(folder, file)
}

/** A file is replaced by one that is written beside it: that is what must be possible. */
function tryToWrite(folder: string, file: string): void {
  const draft = join(folder, `.torture-${process.pid}.tmp`)
  try {
    writeFileSync(draft, '')
    rmSync(draft)
  } catch (error) {
    throw new UsageError(`--emit ${file}: nothing can be written there (${(error as NodeJS.ErrnoException).code})`)
  }
}

function beginning(file: string): string {
  let handle: number
  try {
    handle = openSync(file, 'r')
  } catch (error) {
    throw new UsageError(`--emit ${file}: it cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
  try {
    const buffer = Buffer.alloc(MARKER.length)
    return buffer.toString('utf8', 0, readSync(handle, buffer, 0, buffer.length, 0))
  } finally {
    closeSync(handle)
  }
}

/** Writes the test of the first failure that has a schedule. Returns what came of it, in one line. */
export async function emitFirst({ plan, bundle, dir, summary }: Launched, file: string): Promise<string> {
  const found = summary.instances
    .flatMap(({ name, failures }) => failures.map(failure => ({ name, failure })))
    .find(({ failure }) => failure.schedule !== undefined)
  const nothing = `nothing was written to ${shownPath(file)}`
  if (found === undefined) return `${nothing}: no schedule failed`
  const instance = plan.instances.find(({ name }) => name === found.name)!
  const failure = readFailure(dir, found.failure.id)
  const interleaving = readInterleaving(dir, found.failure.id)
  if (interleaving === undefined) return `${nothing}: the failure has no interleaving`
  const { emitTest } = await import('../explore/report/emit.ts')
  try {
    await emitTest({ failure, interleaving, instance, bundle, file: resolve(file) })
  } catch (error) {
    // What was found is stored and stays; only the test of it could not be made.
    return `${nothing}: ${oneLine((error as Error).message)}`
  }
  return `wrote ${shownPath(file)}: node --test ${quoted(shownPath(file))} fails as ${found.failure.id} did`
}
