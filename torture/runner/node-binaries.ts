import { resolve } from 'node:path'
import { execa } from 'execa'
import { UsageError } from '../errors.ts'
import { COMPILERS, type Engine, type NodeBinary } from '../plan/engines.ts'

const TIME_LIMIT_MS = 10_000

/** Asks each binary for its version. @throws UsageError naming the one that is no Node, or too old */
export async function inspectNodes(paths: readonly string[]): Promise<NodeBinary[]> {
  return Promise.all([...new Set(paths)].map(inspectNode))
}

/** Long enough to be worth any compiler's time. */
const HOT =
  'let n = 0; const add = a => { n += a[0] }; const a = new Int32Array(1); for (let i = 0; i < 3e6; i++) add(a)'

/**
 * Starts each binary with the flags of its tier. An engine whose binary takes them and has no such compiler says so in
 * its title: what runs there is another tier.
 * @throws UsageError naming the flag that a binary does not know
 */
export async function checkEngines(engines: readonly Engine[]): Promise<Engine[]> {
  return Promise.all(engines.map(checkEngine))
}

async function checkEngine(engine: Engine): Promise<Engine> {
  const { tier, title, node = process.execPath, nodeArgs } = engine
  if (nodeArgs.length === 0) return engine
  const compiler = COMPILERS[tier]
  const probe = compiler === undefined ? ['-e', ''] : ['--trace-opt', '-e', HOT]
  const { failed, stdout, stderr } = await execa(node, [...nodeArgs, ...probe], {
    reject: false,
    timeout: TIME_LIMIT_MS,
    env: { NODE_OPTIONS: '' },
  })
  if (failed) {
    const unknown = /bad option: (\S+)/.exec(stderr ?? '')?.[1]
    const why = unknown === undefined ? `does not start with ${nodeArgs.join(' ')}` : `does not know ${unknown}`
    throw new UsageError(`--v8 ${tier}: ${node} ${why}: leave the tier out, or name another binary with --node`)
  }
  return compiler === undefined || stdout.includes(compiler) ? engine : { ...engine, title: `${title} (not built in)` }
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
