/** An honest baseline: mmap_lock must not be slow by itself. */
import { join } from 'node:path'
import { execa } from 'execa'
import type { BenchBundle } from './bundle.ts'
import { type Finding, summarise } from './finding.ts'

export async function rwsem(bundle: BenchBundle): Promise<Finding[]> {
  const script = join(bundle.dir, bundle.loop('rwsem-price'))
  const { stdout } = await execa(process.execPath, [script], { env: { NODE_OPTIONS: '' } })
  return [
    {
      name: 'rwsem',
      what: 'uncontended downRead + upRead ÷ one bare Atomics.add, CPU time',
      ...summarise(JSON.parse(stdout) as number[]),
      unit: 'x',
      goal: { is: 'at most', value: 3 },
      notes: [],
    },
  ]
}
