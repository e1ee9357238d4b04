/** A scenario, its packages and what carries them out, as the text of one module. */
import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, posix, resolve } from 'node:path'
import type { BuildFailure, Plugin } from 'esbuild'
import { oneLine } from '../../../results/format.ts'
import { keptIn } from '../../bundle/kept.ts'
import { LINKS, reexports } from '../../bundle/linked.ts'
import type { Bundle } from '../../bundle/manifest.ts'
import { NAMESPACE, packageSources } from '../../bundle/package-sources.ts'
import { packageRoot } from '../../paths.ts'

/** What the module expects to be defined before it. */
const entryFor = (scenario: string): string => `
  const load = () => import(${JSON.stringify(scenario)})
  import test from 'node:test'
  import { standalone } from 'torture:torture/explore/standalone/replay.ts'
  const define = replay => defineTest(test, replay)
  standalone({ file: import.meta.url, schedule: SCHEDULE, instance: INSTANCE, load, define })
`
const ENTRY_NAME = 'the-emitted-test'
const WIDTH = 110

/**
 * @param module of the scenario, in the bundle
 * @returns code that uses SCHEDULE, INSTANCE and defineTest
 * @throws Error of one line where the scenario needs what cannot be copied into one file
 */
export async function oneFile(bundle: Bundle, module: string): Promise<string> {
  const { build } = await import('esbuild')
  const builtin = bundle.manifest.scenarios.find(scenario => scenario.module === module && scenario.builtin)
  // What came with us lies together with others; of the user's only what was compiled is there whole.
  const scenario = builtin === undefined ? `./${module}` : builtin.source.replace(OURS, `${NAMESPACE}:`)
  const together = builtin === undefined ? sitesOf(bundle) : keptSources(bundle)
  try {
    const { outputFiles } = await build({
      stdin: {
        contents: entryFor(scenario),
        resolveDir: resolve(bundle.dir),
        sourcefile: ENTRY_NAME,
      },
      absWorkingDir: resolve(bundle.dir),
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20.11',
      legalComments: 'none',
      write: false,
      logLevel: 'silent',
      plugins: [together, nothingElse, packageSources],
    })
    return withHeadings(outputFiles[0].text, scenario.replace(/^\.\//, ''))
  } catch (error) {
    const [first] = (error as Partial<BuildFailure>).errors ?? []
    throw first === undefined ? error : new Error(oneLine(first.text))
  }
}

/** Where a bundle keeps our sources. */
const OURS = 'src/torture/'

/** Our sources as the bundle keeps them: the scenario's, and those that it has in common with what carries it out. */
const keptSources = ({ dir }: Bundle): Plugin => ({
  name: 'kept-sources',
  setup(build) {
    const kept = keptIn(dir)
    build.onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ path }) => {
      const contents = kept(`${OURS}${path}`)
      return contents && { contents, loader: 'ts', resolveDir: join(packageRoot, dirname(path)) }
    })
  },
})

const SITES = 'lib/shm/sites.ts'
const JOINED = 'joined'

/**
 * A compiled scenario has a library of its own, whose sites are the ones to configure: otherwise they would lose time and
 * look at the clock as they do in no guest.
 */
const sitesOf = ({ dir }: Bundle): Plugin => ({
  name: 'sites',
  setup(build) {
    const entry = LINKS['lib/index.ts']
    build.onResolve({ filter: /\/sites\.ts$/, namespace: NAMESPACE }, ({ path, importer }) =>
      posix.join(posix.dirname(importer), path) === SITES ? { path: SITES, namespace: JOINED } : undefined,
    )
    build.onResolve({ filter: /.*/, namespace: JOINED }, ({ path }) =>
      // Of the chunks of the library only the one that is asked for something is wanted.
      path.endsWith('.js')
        ? { path: join(resolve(dir), path), sideEffects: false }
        : { path: SITES, namespace: NAMESPACE },
    )
    build.onLoad({ filter: /.*/, namespace: JOINED }, () => ({
      contents: `export * from '${SITES}'\n${reexports(`./${entry}.js`, readFileSync(join(dir, `${entry}.js`), 'utf8'))}`,
    }))
  },
})

/** As the bundle names what lies in its folder of assets. */
const ASSET = /new URL\(\s*["'`]\.\/assets\/[\da-f]+-([^"'`]+)/

/** Refuses what would have to lie beside the file. */
const nothingElse: Plugin = {
  name: 'nothing-else',
  setup(build) {
    build.onLoad({ filter: /\.js$/, namespace: 'file' }, ({ path }) => {
      const asset = ASSET.exec(readFileSync(path, 'utf8'))
      if (asset === null) return undefined
      return { errors: [{ text: `the scenario reads ${asset[1]}, which cannot be copied into one file` }] }
    })
    build.onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
      if (kind === 'entry-point' || path.startsWith('torture:') || isBuiltin(path)) return undefined
      return {
        errors: [
          {
            text: `the scenario imports '${path}', which cannot be copied into one file: it looks for files of its own`,
          },
        ],
      }
    })
  },
}

/** So that a reader finds the scenario between its packages and the machinery. */
function withHeadings(code: string, scenario: string): string {
  const heading = (text: string) => `\n// ${'='.repeat(WIDTH)}\n// ${text}\n// ${'='.repeat(WIDTH)}\n\n`
  return code
    .replace(
      `// ${scenario}\n`,
      found => `${heading('The scenario and its packages, as they were. To try a fix, edit it here.')}${found}`,
    )
    .replace(`// ${ENTRY_NAME}\n`, () =>
      heading('What carries the schedule out: the scheduler of torture, and nothing of the scenario.'),
    )
}
