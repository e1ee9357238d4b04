/**
 * A bundle as a debugger wants it: sources and maps lie as files, and each module says where its map is. Nobody else
 * needs that, and every bundle would be three times the files to hash, to copy and to ship.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { type Files, hashFiles } from '../../results/bundle-text.ts'
import { unpackKept } from './kept.ts'
import type { Bundle } from './manifest.ts'
import { readBundle, writeFiles } from './store.ts'

/**
 * Does something with the same code under another hash, in a folder that is gone afterwards unless it was moved away.
 * A bundle that is damaged is handed on as it is: whoever stores it says so.
 */
export async function withUnpacked<T>(bundle: Bundle, use: (bundle: Bundle) => T | Promise<T>): Promise<T> {
  const packed = readBundle(bundle)
  if (packed === undefined) return use(bundle)
  const files = unpacked(packed)
  const draft = mkdtempSync(join(tmpdir(), 'torture-bundle-'))
  try {
    // The temporary folder is ours alone, and copies keep their mode: the bundle in it is everybody's.
    const dir = join(draft, 'bundle')
    writeFiles(dir, files)
    return await use({ ...bundle, hash: hashFiles(files), dir, temporary: true })
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

function unpacked(packed: Files): Files {
  const { kept, others } = unpackKept(packed)
  const files = new Map([...others, ...kept])
  for (const map of kept.keys()) {
    const path = map.replace(/\.map$/, '')
    const module = others.get(path)
    if (module !== undefined) files.set(path, pointing(module, basename(map)))
  }
  return files
}

const pointing = (module: Uint8Array, map: string) =>
  Buffer.concat([module, Buffer.from(`//# sourceMappingURL=${map}\n`)])
