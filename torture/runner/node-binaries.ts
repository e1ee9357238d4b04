import { resolve } from 'node:path'
import { execa } from 'execa'
import { UsageError } from '../errors.ts'
import type { Engine, NodeBinary } from '../plan/engines.ts'

const TIME_LIMIT_MS = 10_000

/** Asks each binary for its version. @throws UsageError naming the one that is no Node, or too old */
export async function inspectNodes(paths: readonly string[]): Promise<NodeBinary[]> {
  return Promise.all([...new Set(paths)].map(inspectNode))
}

/** Starts each binary with the flags of its tier. @throws UsageError naming the flag that one does not know */
export async function checkEngines(engines: readonly Engine[]): Promise<void> {
  await Promise.all(engines.map(checkEngine))
}

async function checkEngine({ tier, node = process.execPath, nodeArgs }: Engine): Promise<void> {
  if (nodeArgs.length === 0) return
  const { failed, stdout, stderr } = await execa(node, [...nodeArgs, '-p', 'process.version'], {
    reject: false,
    timeout: TIME_LIMIT_MS,
    env: { NODE_OPTIONS: '' },
  })
  if (!failed && stdout.startsWith('v')) return
  const unknown = /bad option: (\S+)/.exec(stderr ?? '')?.[1]
  const why = unknown === undefined ? `does not start with ${nodeArgs.join(' ')}` : `does not know ${unknown}`
  throw new UsageError(`--v8 ${tier}: ${node} ${why}: leave the tier out, or name another binary with --node`)
}

async function inspectNode(given: string): Promise<NodeBinary> {
  // A bare name is looked up as a shell would; a path must hold wherever the guest starts.
  const path = given.includes('/') ? resolve(given) : given
  const { stdout, failed } = await execa(path, ['-p', 'process.version'], { reject: false, timeout: TIME_LIMIT_MS })
  const version = /^v(\d+)\.(\d+)\.\d+/.exec(stdout ?? '')
  if (failed || version === null) throw new UsageError(`--node ${given}: it is no Node binary that can be started`)
  const [major, minor] = [Number(version[1]), Number(version[2])]
  if (major < 20 || (major === 20 && minor < 11))
    throw new UsageError(`--node ${given}: ${version[0]} is older than 20.11`)
  return { path, version: version[0].slice(1) }
}
