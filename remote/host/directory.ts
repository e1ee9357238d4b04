/** The one directory on a host below which everything of ours lies. What lacks our marker is never touched. */
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { DEFAULT_DIRECTORY, MARKER, MARKER_VERSION } from './layout.ts'
import { Trouble, trying } from './problem.ts'

/** An absolute path; what is relative, or begins with `~/`, lies in the user's home. */
export function directoryAt(directory = DEFAULT_DIRECTORY): string {
  return resolve(homedir(), directory.replace(/^~(\/|$)/, './'))
}

/** `absent` and `empty` ones can become ours. */
export type DirectoryState = 'ours' | 'absent' | 'empty'

/**
 * Looks, and changes nothing.
 * @throws Trouble where the directory is somebody else's, or nothing could be written there
 */
export function inspectDirectory(dir: string): DirectoryState {
  const stat = trying(`look at ${dir}`, () => statSync(dir, { throwIfNoEntry: false }))
  if (stat === undefined) {
    trying(`make ${dir}`, () => accessSync(existingParent(dir), constants.W_OK | constants.X_OK))
    return 'absent'
  }
  if (!stat.isDirectory()) throw new Trouble('not-ours', `${dir} is a file: give the host another directory`)
  refuseForeign(dir, stat.uid)
  const names = trying(`read ${dir}`, () => readdirSync(dir))
  const marked = names.includes(MARKER)
  if (marked) checkMarker(dir)
  else if (names.length > 0) {
    throw new Trouble(
      'not-ours',
      `${dir} is not torture's: it has no ${MARKER} and is not empty; give the host another directory`,
    )
  }
  trying(`write in ${dir}`, () => accessSync(dir, constants.W_OK | constants.X_OK))
  return marked ? 'ours' : 'empty'
}

/** Whoever owns the directory could put another program where ours was. */
function refuseForeign(dir: string, uid: number): void {
  const own = process.getuid?.()
  if (own === undefined || uid === own) return
  throw new Trouble('not-ours', `${dir} belongs to user ${uid}, not to ${own}: give the host another directory`)
}

function checkMarker(dir: string): void {
  const path = join(dir, MARKER)
  const stat = lstatSync(path)
  if (!stat.isFile() || stat.size > 1000) throw new Trouble('not-ours', `${path} is not what torture writes`)
  refuseForeign(path, stat.uid)
  const text = trying(`read ${path}`, () => readFileSync(path, 'utf8'))
  // Another driver made it a moment ago, and has not written yet.
  if (text === '') return
  const version = Number(/^torture (\d+)\n/.exec(text)?.[1])
  if (!(version >= 1)) throw new Trouble('not-ours', `${path} is not what torture writes`)
  if (version > MARKER_VERSION) {
    throw new Trouble(
      'not-ours',
      `${dir} was made by a newer torture: use that one, or give the host another directory`,
    )
  }
}

/** One by one: Node's own `recursive` never returns in folders such as /proc, where nothing can be made. */
function makeFolder(dir: string): void {
  if (existsSync(dir)) return
  makeFolder(dirname(dir))
  try {
    mkdirSync(dir, { mode: 0o700 })
  } catch (error) {
    // Another driver was first.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** A line that programs read, and one for people. */
export const markerText = () =>
  `torture ${MARKER_VERSION}\nEverything beside this file belongs to torture, and is removed by "torture hosts clean".\n`

/** Makes the directory ours, if it is not yet. */
export function claimDirectory(dir: string): void {
  if (inspectDirectory(dir) === 'ours') return
  trying(`make ${dir}`, () => makeFolder(dir))
  try {
    writeFileSync(join(dir, MARKER), markerText(), { flag: 'wx' })
  } catch (error) {
    // Another driver was first.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') trying(`write in ${dir}`, () => fail(error))
  }
  inspectDirectory(dir)
}

function fail(error: unknown): never {
  throw error
}

/** The nearest folder above that is there. */
export function existingParent(dir: string): string {
  let parent = dir
  while (statSync(parent, { throwIfNoEntry: false }) === undefined) parent = dirname(parent)
  return parent
}
