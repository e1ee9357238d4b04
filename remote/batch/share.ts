/**
 * The directory that all nodes of a batch system share. It is laid out as that of a host, since that is what it is: the
 * one of all of them, so that what cleans the one cleans the other.
 */
import { createHash } from 'node:crypto'
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { textOfFolder } from '../../results/bundle-text.ts'
import { replaceJson } from '../../results/files.ts'
import { thisRunner } from '../../results/process.ts'
import { BatchProblem, type StoredBundle } from '../carrier.ts'
import { Arrival, bundleFolder, wantsBundle } from '../host/bundles.ts'
import { claimDirectory } from '../host/directory.ts'
import { AGENT_FILE, NODES, RUNS } from '../host/layout.ts'
import { type Trouble, troubleOf } from '../host/problem.ts'
import { sizeOfBundle } from '../ship.ts'

/** What tasks need, as the nodes see it. */
export interface Share {
  readonly directory: string
  /** The folder of the run. */
  readonly run: string
  readonly node: string
  readonly agent: string
}

/**
 * Puts the bundle where all nodes see it, and Node, where it is to be shipped; makes the folder of the run.
 * @param key names the run, uniquely
 * @throws {BatchProblem} where the directory is somebody else's, or cannot be written
 */
export function prepare(at: string, key: string, bundle: StoredBundle, shipsNode: boolean): Share {
  const directory = resolve(at)
  try {
    claimDirectory(directory)
    if (wantsBundle(directory, bundle.hash, sizeOfBundle(bundle)))
      new Arrival(directory, bundle.hash).complete(textOfFolder(bundle.dir))
    const node = shipsNode ? keepNode(directory) : process.execPath
    const run = join(directory, RUNS, key)
    mkdirSync(run, { recursive: true, mode: 0o700 })
    // What it says of bundle and Node keeps `torture hosts clean` from removing those.
    replaceJson(join(run, AGENT_FILE), { ...thisRunner(), bundle: bundle.hash, node })
    return { directory, run, node, agent: join(bundleFolder(directory, bundle.hash), 'agent.js') }
  } catch (error) {
    const { kind, message } = troubleOf(error, `use ${directory}`) as Trouble
    const where = message.replace(/:?;? give the host another directory( in the hosts file)?/, '')
    throw new BatchProblem(kind === 'not-ours' ? 2 : 3, `${where}: --slurm-dir names another directory`, {
      cause: error,
    })
  }
}

/** The binary that runs us, under a name that holds its hash. */
function keepNode(directory: string): string {
  const sha256 = createHash('sha256').update(readFileSync(process.execPath)).digest('hex')
  const folder = join(directory, NODES, `${process.version}-${process.platform}-${process.arch}-${sha256.slice(0, 16)}`)
  const node = join(folder, 'node')
  if (existsSync(node)) return node
  const draft = join(directory, NODES, `.incoming-${process.pid}-${sha256.slice(0, 16)}`)
  try {
    mkdirSync(draft, { recursive: true })
    copyFileSync(process.execPath, join(draft, 'node'))
    chmodSync(join(draft, 'node'), 0o755)
    renameSync(draft, folder)
  } catch (error) {
    // Another driver may have been first.
    if (!existsSync(node)) throw error
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
  return node
}
