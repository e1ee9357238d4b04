/**
 * Everything that is measured is compiled as a run compiles it, into one module graph: harness, library, scenarios and
 * the benchmark's own loops. What a bare thread executes is then the very code that a guest executes.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { builtinEntries } from '../torture/bundle/builtin.ts'
import { compile } from '../torture/bundle/compile.ts'
import { packageRoot } from '../torture/paths.ts'

const LOOPS = [
  'member',
  'pair-price',
  'rwsem-price',
  'private-cells',
  'timed-vma-lock',
  'explored-adds',
  'bare-baton',
  'searches',
  'litmus-sb',
  'ping-pong',
]

export interface BenchBundle {
  readonly dir: string
  /** The compiled module of a file of `loops/`, relative to the bundle. */
  loop(name: string): string
}

/**
 * Below dist/, so that modules left outside are found; gone when the process ends.
 * @param loops files of `loops/`: what two of them, or one and a guest, have in common becomes a module of its own
 */
export async function makeBenchBundle(loops: readonly string[] = LOOPS): Promise<BenchBundle> {
  const user = loops.map(name => join(packageRoot, 'bench/loops', `${name}.ts`))
  const compiled = await compile({ ...builtinEntries(), user })
  mkdirSync(join(packageRoot, 'dist'), { recursive: true })
  const dir = mkdtempSync(join(packageRoot, 'dist/.bench-'))
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }))
  process.once('SIGINT', () => process.exit(130))
  process.once('SIGTERM', () => process.exit(143))
  for (const [path, contents] of compiled.files) {
    mkdirSync(dirname(join(dir, path)), { recursive: true })
    writeFileSync(join(dir, path), contents)
  }
  return { dir, loop: name => compiled.user[loops.indexOf(name)].module }
}
