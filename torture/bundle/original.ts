/**
 * Positions in a bundle's compiled files as positions in its sources. Node can do that itself
 * (`--enable-source-maps`), but then every thread reads every map when it starts, whether anything fails or not: a
 * third of the time to the first round.
 */
import { SourceMap } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type Kept, keptIn } from './kept.ts'

/**
 * Rewrites the positions in a stack that lie in a bundle to those in the sources that the bundle keeps.
 * @param dir the bundle's folder; other positions stay as they are
 */
export function originalPositions(stack: string, dir: string): string {
  const maps = new Map<string, SourceMap | undefined>()
  const kept = keptIn(dir)
  return stack.replace(compiledIn(dir), (shown: string, path: string, line: string, column: string) => {
    const file = path.startsWith('file:') ? fileURLToPath(path) : path
    if (!maps.has(file)) maps.set(file, mapOf(file.slice(dir.length + 1).replaceAll('\\', '/'), kept))
    // Stacks count from one, maps from zero.
    const entry = maps.get(file)?.findEntry(Number(line) - 1, Number(column) - 1)
    if (entry === undefined || !('originalSource' in entry)) return shown
    const source = fileURLToPath(new URL(entry.originalSource, pathToFileURL(join(dirname(file), '/'))))
    return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`
  })
}

/** `…/chunk-X.js:12:34` below the folder, as a path or a URL, anywhere in a text. A path may hold blanks and brackets. */
function compiledIn(dir: string): RegExp {
  const folder = [dir, pathToFileURL(dir).href].map(it => it.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')
  return new RegExp(`((?:${folder})[\\\\/].*?\\.js):(\\d+):(\\d+)`, 'g')
}

export interface SourcePosition {
  /** `src/user/ring.ts` */
  readonly source: string
  /** `41:12` */
  readonly position: string
}

/**
 * Where in the sources that a bundle keeps a line of a stack is. A path may hold blanks and brackets, and be named like
 * one of the harness: it is known by what it begins with.
 * @param dir the bundle's folder as the stack names it
 */
export function sourcePosition(line: string, dir: string): SourcePosition | undefined {
  const at = line.indexOf(dir)
  const match = at < 0 ? null : /^[\\/](src[\\/](?:user|torture)[\\/].+?):(\d+:\d+)/.exec(line.slice(at + dir.length))
  return match === null ? undefined : { source: match[1].replaceAll('\\', '/'), position: match[2] }
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
