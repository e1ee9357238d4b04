/** The project's own source files, for tests of how the house is built. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'

export const ROOT = new URL('../../', import.meta.url)

/** Paths of all TypeScript files under a folder of the project, relative to its root; none if it is not there yet. */
export function sourcesIn(folder: string): string[] {
  if (!existsSync(new URL(folder, ROOT))) return []
  return readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.ts'))
    .map(path => `${folder}/${path}`)
    .sort()
}

export function readSource(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8')
}
