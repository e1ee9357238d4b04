/** Little bundles that are no bundles of scenarios: for whoever only carries them. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { BundleSource } from '../../remote/carrier.ts'
import { hashFolder } from '../../results/bundle-text.ts'

/** @param files contents by path */
export function bundleOf(dir: string, files: Readonly<Record<string, string | Buffer>>): BundleSource {
  for (const [path, contents] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true })
    writeFileSync(join(dir, path), contents)
  }
  return { hash: hashFolder(dir), dir }
}
