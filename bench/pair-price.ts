/** What a fault + zap pair costs beyond the atomic operations that it consists of. */
import { join } from 'node:path'
import { execa } from 'execa'
import type { BenchBundle } from './bundle.ts'
import { type Finding, median, summarise } from './finding.ts'
import type { ByKind, Repeat } from './loops/pair-price.ts'
import { OWN } from './measured.ts'

export async function pairPrice(bundle: BenchBundle): Promise<Finding[]> {
  const counts = (await run(bundle, 'count')) as ByKind
  const repeats = (await run(bundle, 'time')) as Repeat[]
  const kinds = Object.entries(counts).filter(([, count]) => count > 0) as [keyof ByKind, number][]
  const priceOf = ({ opMicros }: Repeat) => kinds.reduce((sum, [kind, count]) => sum + count * opMicros[kind], 0)
  const operations = kinds.reduce((sum, [, count]) => sum + count, 0)
  const show = (micros: number) => `${(micros * 1000).toFixed(1)} ns`
  return [
    {
      name: 'pair-price',
      what: 'vma-lock, own VMA, every oracle on: CPU time of a write-touch + zap pair ÷ price of its own atomic operations',
      ...summarise(repeats.map(repeat => repeat.pairMicros / priceOf(repeat))),
      unit: 'x',
      goal: { is: 'at most', value: 2 },
      notes: [
        `${operations.toFixed(1)} atomic operations a pair: ${kinds.map(([kind, count]) => `${count.toFixed(2)} ${kind}`).join(', ')}`,
        `a pair ${show(median(repeats.map(({ pairMicros }) => pairMicros)))}, its operations alone ${show(median(repeats.map(priceOf)))}`,
        `each: ${kinds.map(([kind]) => `${kind} ${show(median(repeats.map(({ opMicros }) => opMicros[kind])))}`).join(', ')} (without the extra ordering argument, cells in the first-level cache)`,
      ],
    },
  ]
}

async function run(bundle: BenchBundle, mode: 'count' | 'time'): Promise<unknown> {
  const script = join(bundle.dir, bundle.loop('pair-price'))
  const { stdout } = await execa(process.execPath, [script, mode, JSON.stringify(OWN)], { env: { NODE_OPTIONS: '' } })
  return JSON.parse(stdout)
}
