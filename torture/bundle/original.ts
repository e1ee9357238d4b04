/**
 * Positions in a bundle's compiled files as positions in its sources. Node can do that itself
 * (`--enable-source-maps`), but then every thread reads every map when it starts, whether anything fails or not: a
 * third of the time to the first round.
 */
import { SourceMap } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type Kept, keptIn } from './kept.ts'

/** `…/chunk-X.js:12:34`, as a path or a URL, anywhere in a text. */
const POSITION = /(file:\/\/\/[^\s()]*?|(?:[A-Za-z]:)?[\\/][^\s():]*?)\.js:(\d+):(\d+)/g

/**
 * Rewrites the positions in a stack that lie in a bundle to those in the sources that the bundle keeps.
 * @param dir the bundle's folder; other positions stay as they are
 */
export function originalPositions(stack: string, dir: string): string {
  const maps = new Map<string, SourceMap | undefined>()
  const kept = keptIn(dir)
  return stack.replace(POSITION, (shown: string, path: string, line: string, column: string) => {
    const file = `${path.startsWith('file:') ? fileURLToPath(path) : path}.js`
    if (!file.startsWith(dir)) return shown
    if (!maps.has(file)) maps.set(file, mapOf(file.slice(dir.length + 1).replaceAll('\\', '/'), kept))
    // Stacks count from one, maps from zero.
    const entry = maps.get(file)?.findEntry(Number(line) - 1, Number(column) - 1)
    if (entry === undefined || !('originalSource' in entry)) return shown
    const source = fileURLToPath(new URL(entry.originalSource, pathToFileURL(join(dirname(file), '/'))))
    return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`
  })
}

function mapOf(module: string, kept: Kept): SourceMap | undefined {
  const map = kept(`${module}.map`)
  try {
    return map && new SourceMap(JSON.parse(map.toString()))
  } catch {
    // Of a package that went along as it is: it keeps its own positions.
    return undefined
  }
}
