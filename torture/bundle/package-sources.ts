/**
 * An esbuild plugin: the package's own sources live in a namespace of their own, named relative to the package. That
 * keeps where the package is installed out of the bundle, and makes harness, library and scenarios one module graph,
 * however they are imported: `torture`, `torture/lib`, or a relative path in a checkout.
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import type { Plugin } from 'esbuild'
import { packageRoot } from '../paths.ts'

export const NAMESPACE = 'torture'

/** What `import … from 'torture'` means in a scenario: its contract. The command's API has no place in a guest. */
const EXPORTS: Readonly<Record<string, string>> = {
  torture: 'torture/scenario.ts',
  'torture/lib': 'lib/index.ts',
}

const FOLDERS = ['torture', 'lib', 'scenarios', 'results', 'remote']

export const packageSources: Plugin = {
  name: 'package-sources',
  setup(build) {
    const root = realpathSync(packageRoot)
    const own = (path: string) => ({ path, namespace: NAMESPACE })

    build.onResolve({ filter: /^torture(\/lib)?$/ }, ({ path }) => own(EXPORTS[path]))
    build.onResolve({ filter: /^torture:/, namespace: 'file' }, ({ path }) => own(path.slice(NAMESPACE.length + 1)))
    build.onResolve({ filter: /^torture:/, namespace: '' }, ({ path }) => own(path.slice(NAMESPACE.length + 1)))
    build.onResolve({ filter: /^\.\.?\// }, ({ path, importer, namespace, resolveDir }) => {
      const from = namespace === NAMESPACE ? join(root, dirname(importer)) : resolveDir
      const file = relative(root, join(from, path))
      if (!FOLDERS.includes(file.split(sep)[0]) || !existsSync(join(root, file))) return undefined
      return own(file.split(sep).join('/'))
    })
    build.onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ path }) => ({
      contents: readFileSync(join(root, path), 'utf8'),
      loader: 'ts',
      resolveDir: join(root, dirname(path)),
    }))
  },
}
