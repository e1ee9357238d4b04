/** Where in the user's source steps are: `ring.torture.ts:41:12`, by the bundle's source maps. */
import { basename, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { originalPositions, sourcePosition } from '../../bundle/original.ts'

const BUNDLE = dirname(fileURLToPath(import.meta.url))
/** The harness's own frames say nothing: the first one of the program itself counts. */
const OURS = /^src\/torture\/torture\//
const BETWEEN = '\n\0\n'

/** One position for each stack, or undefined where none is known. */
export function originalPlaces(stacks: readonly string[]): (string | undefined)[] {
  // Most steps are done in a few places again and again.
  const different = [...new Set(stacks)]
  // All at once: every call reads the maps.
  const places = originalPositions(different.join(BETWEEN), BUNDLE).split(BETWEEN).map(placeOf)
  const known = new Map(different.map((stack, n) => [stack, places[n]]))
  return stacks.map(stack => known.get(stack))
}

function placeOf(stack: string): string | undefined {
  const frames = stack.split('\n').flatMap(line => sourcePosition(line, BUNDLE) ?? [])
  const frame = frames.find(({ source }) => !OURS.test(source))
  return frame && `${basename(frame.source)}:${frame.position}`
}
