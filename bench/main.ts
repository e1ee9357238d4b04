/**
 * `npm run bench [-- --json] [-- --only NAME,NAME]`: what must be measured. Every figure is a ratio of two things that
 * took turns within this run, so that it means the same on any machine.
 */
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { watchOthers } from '../torture/runner/others.ts'
import { type BenchBundle, makeBenchBundle } from './bundle.ts'
import { explore } from './explore.ts'
import { type Finding, print, type Skipped, verdictOf } from './finding.ts'
import { firstGuest } from './first-guest.ts'
import { litmus } from './litmus.ts'
import { overhead } from './overhead.ts'
import { pairPrice } from './pair-price.ts'
import { policies } from './policies.ts'
import { rwsem } from './rwsem.ts'
import { scaling } from './scaling.ts'
import { shipping } from './shipping.ts'
import { startup } from './startup.ts'
import { vsKernel } from './vs-kernel.ts'

const MEASUREMENTS: Readonly<Record<string, (bundle: BenchBundle) => Promise<(Finding | Skipped)[]>>> = {
  'pair-price': pairPrice,
  rwsem,
  'vs-kernel': vsKernel,
  scaling,
  policies,
  startup,
  overhead,
  explore,
  litmus,
  shipping,
  'first-guest': firstGuest,
}

const { values } = parseArgs({ options: { json: { type: 'boolean' }, only: { type: 'string' } } })
const wanted = values.only?.split(',') ?? Object.keys(MEASUREMENTS)
const unknown = wanted.find(name => !(name in MEASUREMENTS))
if (unknown !== undefined) {
  process.stderr.write(`bench: there is no measurement ${unknown}: ${Object.keys(MEASUREMENTS).join(', ')}\n`)
  process.exit(2)
}

const machine = {
  node: process.version,
  cpu: cpus()[0]?.model ?? 'unknown',
  cpus: availableParallelism(),
  date: new Date().toISOString(),
}
const say = (text: string) => (values.json ? process.stderr : process.stdout).write(`${text}\n`)
say(`${machine.cpu}, ${machine.cpus} CPUs, Node ${machine.node}, ${machine.date}`)

const bundle = await makeBenchBundle()
const found: (Finding | Skipped)[] = []
for (const name of wanted) {
  const othersShare = watchOthers()
  const findings = await MEASUREMENTS[name](bundle)
  const share = othersShare()
  const noise = share === undefined ? [] : [`other processes took ${Math.round(100 * share)}% of the CPUs meanwhile`]
  for (const finding of findings) {
    found.push('skipped' in finding ? finding : { ...finding, notes: [...finding.notes, ...noise] })
    say(print(found.at(-1)!))
  }
}
if (values.json) {
  const findings = found.map(it => ('skipped' in it ? it : { ...it, verdict: verdictOf(it) }))
  process.stdout.write(`${JSON.stringify({ ...machine, findings }, null, 2)}\n`)
}
