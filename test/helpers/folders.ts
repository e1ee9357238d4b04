/** Temporary folders of tests. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeFolder } from '../../results/files.ts'

/** Makes a folder that is removed when the test ends, although processes that it killed may write there a moment longer. */
export function temporaryFolder(t: { teardown(undo: () => unknown): unknown }, name = 'torture-test'): string {
  const folder = mkdtempSync(join(tmpdir(), `${name}-`))
  t.teardown(() => removeFolder(folder))
  return folder
}
