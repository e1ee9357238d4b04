/** The engine axes: V8's tiers (`--v8`) and Node binaries (`--node`). Each value multiplies the instances. */
import { UsageError } from '../errors.ts'
import { hint } from './nearest.ts'

/** A point on the engine axes; its label becomes part of the instances' names: `vma-lock.jitless.1`. */
export interface Engine {
  readonly label: string
  /** The same for people, as the head of a column: `jitless`, `maglev node24.1.0`. */
  readonly title: string
  /** One of `TIERS`. */
  readonly tier: string
  readonly node?: string
  readonly nodeArgs: readonly string[]
}

/** Engine tiers by name. Whether a binary knows their flags is asked before anything starts. */
export const TIERS: Readonly<Record<string, readonly string[]>> = {
  default: [],
  /** The interpreter alone, no code is generated. */
  jitless: ['--jitless'],
  /** Interpreter and baseline compiler, no optimising one. */
  'no-opt': ['--no-opt', '--no-maglev'],
  /** The baseline compiler at once, the optimising ones never. */
  sparkplug: ['--always-sparkplug', '--no-opt', '--no-maglev'],
  /** The mid-tier compiler as the last one. */
  maglev: ['--maglev', '--no-turbofan'],
  /** The optimising compiler at once, so that speculation fails often. */
  turbofan: ['--always-turbofan'],
  /** Many garbage collections, which move what the threads hold. */
  'gc-stress': ['--gc-interval=500'],
}

/** What V8 calls the compiler of a tier, for tiers whose flags are also taken by binaries that were built without it. */
export const COMPILERS: Readonly<Record<string, string>> = { maglev: 'MAGLEV' }

/** A Node binary given by `--node`, with the version that it says it is. */
export interface NodeBinary {
  readonly path: string
  readonly version: string
}

export function parseTiers(text: string): string[] {
  const tiers = text.split(',')
  for (const tier of tiers) {
    if (!Object.hasOwn(TIERS, tier)) {
      const names = Object.keys(TIERS)
      throw new UsageError(`--v8 ${tier}: ${hint(tier, names, `there are ${names.join(', ')}`)}`)
    }
  }
  return [...new Set(tiers)]
}

/** All points of the axes. Only an axis with a choice shows in the label. */
export function engines(tiers: readonly string[], nodes: readonly NodeBinary[]): Engine[] {
  const byNode: { version?: string; node?: string }[] =
    nodes.length === 0 ? [{}] : nodes.map(({ path, version }) => ({ version: `node${version}`, node: path }))
  return byNode.flatMap(({ version, ...node }) =>
    tiers.map(tier => {
      const shown = [...(tiers.length === 1 && tier === 'default' ? [] : [tier]), ...(version ? [version] : [])]
      return {
        ...node,
        label: shown.map(word => `.${word}`).join(''),
        title: shown.join(' ') || tier,
        tier,
        nodeArgs: TIERS[tier],
      }
    }),
  )
}
