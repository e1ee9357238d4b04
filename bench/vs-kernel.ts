/** The model's rate against what the kernel of this machine does for the same operation. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { packageRoot } from '../torture/paths.ts'
import type { BenchBundle } from './bundle.ts'
import { Crew, rateOf } from './crew.ts'
import { type Finding, median, type Skipped, summarise } from './finding.ts'
import { faulters, OWN } from './measured.ts'

const REPEATS = 15
const BLOCK_MS = 300

export async function vsKernel(bundle: BenchBundle): Promise<(Finding | Skipped)[]> {
  const folder = mkdtempSync(join(tmpdir(), 'torture-bench-'))
  try {
    const program = join(folder, 'page-fault')
    const source = join(packageRoot, 'bench/page-fault.c')
    const compiled = await execa('cc', ['-O2', '-o', program, source], { reject: false })
    if (compiled.failed)
      return [{ name: 'vs-kernel', skipped: `cc cannot compile bench/page-fault.c: ${compiled.shortMessage}` }]
    return [await compare(bundle, program)]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function compare(bundle: BenchBundle, program: string): Promise<Finding> {
  const crew = await Crew.start(bundle, {
    module: 'scenarios/mm.js#vma-lock',
    params: OWN,
    threads: { faulter: 1, mapper: 0 },
    parts: faulters(1),
  })
  const model = async () => rateOf(await crew.run(BLOCK_MS), 'pairs')
  const kernel = async () => Number((await execa(program, [String(BLOCK_MS)])).stdout)
  const seen: { model: number; kernel: number }[] = []
  await model()
  for (let n = 0; n < REPEATS; n++) {
    // Who goes first takes turns.
    const first = n % 2 === 0 ? await model() : await kernel()
    const second = n % 2 === 0 ? await kernel() : await model()
    seen.push(n % 2 === 0 ? { model: first, kernel: second } : { model: second, kernel: first })
  }
  await crew.end()
  const rate = (side: 'model' | 'kernel') => `${Math.floor(median(seen.map(it => it[side])) / 1000)} k pairs/s`
  return {
    name: 'vs-kernel',
    what: "vma-lock's rate, one thread, every oracle on ÷ the kernel's rate of touching and unmapping 4 KiB pages, wall time",
    ...summarise(seen.map(it => it.model / it.kernel)),
    unit: 'x',
    goal: { is: 'at least', value: 2, aim: true },
    notes: [`model ${rate('model')}, kernel ${rate('kernel')}`],
  }
}
