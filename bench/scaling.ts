/** Two threads that share nothing should be twice as fast as one, as far as the machine lets anything be. */
import type { BenchBundle } from './bundle.ts'
import { Crew, rateOf } from './crew.ts'
import { type Finding, median, summarise } from './finding.ts'
import { faulters, OWN } from './measured.ts'

const REPEATS = 25
const BLOCK_MS = 200

export async function scaling(bundle: BenchBundle): Promise<Finding[]> {
  const vmaLock = await Crew.start(bundle, {
    module: 'scenarios/mm.js#vma-lock',
    params: OWN,
    threads: { faulter: 2, mapper: 0 },
    parts: faulters(2),
  })
  const control = await Crew.start(bundle, {
    module: bundle.loop('private-cells'),
    params: {},
    threads: { adder: 2 },
    parts: [0, 1].map(n => ({ body: 'adder', index: n, thread: n })),
  })
  const rate = async (crew: Crew, count: number) => rateOf(await crew.run(BLOCK_MS, { count }), 'pairs')
  const gain = async (crew: Crew, swapped: boolean) => {
    const first = await rate(crew, swapped ? 2 : 1)
    const second = await rate(crew, swapped ? 1 : 2)
    return swapped ? first / second : second / first
  }
  await gain(vmaLock, false)
  await gain(control, false)
  const seen: { model: number; control: number }[] = []
  for (let n = 0; n < REPEATS; n++) {
    const swapped = n % 2 === 1
    const [a, b] = n % 4 < 2 ? [vmaLock, control] : [control, vmaLock]
    const first = await gain(a, swapped)
    const second = await gain(b, swapped)
    seen.push(n % 4 < 2 ? { model: first, control: second } : { model: second, control: first })
  }
  await vmaLock.end()
  await control.end()
  return [
    {
      name: 'scaling',
      what: 'vma-lock on own VMAs, two threads ÷ one, relative to the same of a loop on private cells',
      ...summarise(seen.map(({ model, control }) => model / control)),
      unit: 'x',
      goal: { is: 'at least', value: 0.9 },
      notes: [
        `two threads ÷ one: vma-lock ${median(seen.map(it => it.model)).toFixed(2)}x, private cells ${median(seen.map(it => it.control)).toFixed(2)}x`,
      ],
    },
  ]
}
