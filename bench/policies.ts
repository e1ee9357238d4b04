/** What per-VMA locks are for: faults go on beside a thread that maps. */
import type { BenchBundle } from './bundle.ts'
import { Crew, rateOf, totalOf } from './crew.ts'
import { type Finding, median, summarise } from './finding.ts'
import { faulters, OWN_BESIDE_MAPPER } from './measured.ts'

const REPEATS = 15
const BLOCK_MS = 500

export async function policies(bundle: BenchBundle): Promise<Finding[]> {
  const crew = (policy: string) =>
    Crew.start(bundle, {
      module: `scenarios/mm.js#${policy}`,
      params: OWN_BESIDE_MAPPER,
      threads: { faulter: 1, mapper: 1 },
      parts: [...faulters(1), { body: 'mapper', index: 0, thread: 1 }],
    })
  const crews = [await crew('vma-lock'), await crew('mmap-lock')]
  const block = async (crew: Crew) => {
    const ran = await crew.run(BLOCK_MS)
    const duty = totalOf(ran, 'mapping.busy-us') / totalOf(ran, 'mapping.us')
    return { rate: rateOf(ran, 'pairs'), duty, mappings: rateOf(ran, 'mappings') }
  }
  for (const crew of crews) await block(crew)
  const seen: { vma: Awaited<ReturnType<typeof block>>; mmap: Awaited<ReturnType<typeof block>> }[] = []
  for (let n = 0; n < REPEATS; n++) {
    const [a, b] = n % 2 === 0 ? [0, 1] : [1, 0]
    const first = await block(crews[a])
    const second = await block(crews[b])
    seen.push(a === 0 ? { vma: first, mmap: second } : { vma: second, mmap: first })
  }
  for (const crew of crews) await crew.end()
  const of = (side: 'vma' | 'mmap') => {
    const percent = Math.round(100 * median(seen.map(it => it[side].duty)))
    return `${percent}% (${Math.round(median(seen.map(it => it[side].mappings)))} mappings/s)`
  }
  return [
    {
      name: 'vma-lock-vs-mmap-lock',
      what: 'faults/s of one thread on its own VMA beside one mapping thread, vma-lock ÷ mmap-lock',
      ...summarise(seen.map(({ vma, mmap }) => vma.rate / mmap.rate)),
      unit: 'x',
      goal: { is: 'at least', value: 2 },
      notes: [`duty cycle of the mapping thread: beside vma-lock ${of('vma')}, beside mmap-lock ${of('mmap')}`],
    },
  ]
}
