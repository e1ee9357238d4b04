/** A scenario, its packages and what carries them out, as the text of one module. */
import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { posix, resolve } from 'node:path'
import type { BuildFailure, Plugin } from 'esbuild'
import { oneLine } from '../../../results/format.ts'
import { keptIn } from '../../bundle/kept.ts'
import type { Bundle } from '../../bundle/manifest.ts'
import { packageSources } from '../../bundle/package-sources.ts'

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
  const scenario = builtin === undefined ? `./${module}` : `${KEPT}:${builtin.source}`
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
      plugins: [keptSources(bundle), nothingElse, packageSources],
    })
    return withHeadings(outputFiles[0].text, scenario.replace(/^\.\//, ''))
  } catch (error) {
    const [first] = (error as Partial<BuildFailure>).errors ?? []
    throw first === undefined ? error : new Error(oneLine(first.text))
  }
}

const KEPT = 'kept'

/** Our sources as the bundle keeps them. */
const keptSources = ({ dir }: Bundle): Plugin => ({
  name: 'kept-sources',
  setup(build) {
    const kept = keptIn(dir)
    build.onResolve({ filter: /^kept:/ }, ({ path }) => ({ path: path.slice(KEPT.length + 1), namespace: KEPT }))
    build.onResolve({ filter: /^\./, namespace: KEPT }, ({ path, importer }) => ({
      path: posix.join(posix.dirname(importer), path),
      namespace: KEPT,
    }))
    build.onLoad({ filter: /.*/, namespace: KEPT }, ({ path }) => ({ contents: kept(path)!, loader: 'ts' }))
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
