/**
 * How fast tiny rounds are, and how well they meet: rounds of plain store buffering against the answers that two bare
 * threads can give each other, and the share of rounds in which both stores were late.
 */
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { InstanceResult } from '../results/schema.ts'
import type { BenchBundle } from './bundle.ts'
import { type Finding, median, type Skipped, summarise } from './finding.ts'
import { runGuest } from './guest.ts'
import type { Player } from './loops/ping-pong.ts'

const PAIRS = 10
const GUEST_MS = 1000
const ANSWERS_MS = 400

export async function litmus(bundle: BenchBundle): Promise<(Finding | Skipped)[]> {
  if (availableParallelism() < 2) return [{ name: 'litmus', skipped: 'there is only one CPU here' }]
  const seen: { result: InstanceResult; answers: number }[] = []
  for (let n = 0; n < PAIRS; n++) {
    const first = n % 2 === 0 ? await rounds(bundle) : undefined
    const answers = await answersPerSecond(bundle)
    seen.push({ result: first ?? (await rounds(bundle)), answers })
  }
  const rates = seen.map(({ result }) => roundsPerSecond(result))
  const rare = seen.map(({ result }) => shareOf(result, '0,0'))
  const millions = (perSecond: readonly number[]) => (median(perSecond) / 1e6).toFixed(2)
  return [
    {
      name: 'litmus',
      what: 'rounds of plain store buffering a second, start of the guest’s work to its end ÷ answers a second of two bare threads to each other',
      unit: 'x',
      ...summarise(seen.map(({ answers }, n) => rates[n] / answers)),
      goal: { is: 'at least', value: 0.25, aim: true },
      notes: [
        `${millions(rates)} million rounds/s, ${millions(seen.map(({ answers }) => answers))} million answers/s`,
        `${(100 * median(rare)).toFixed(2)}% of the rounds show the outcome 0,0: ${millions(rare.map((share, n) => share * rates[n]))} million a second`,
      ],
    },
  ]
}

const rounds = (bundle: BenchBundle) =>
  runGuest(bundle, {
    scenario: 'litmus-sb',
    module: bundle.loop('litmus-sb'),
    params: { access: 'plain' },
    threads: ['left', 'right'].map(name => ({ name, count: 1 })),
    durationMs: GUEST_MS,
  })

const roundsPerSecond = ({ rounds, durationMs }: InstanceResult) => (rounds * 1000) / durationMs

const shareOf = ({ outcomes }: InstanceResult, key: string) =>
  outcomes?.rows.find(({ outcome }) => outcome === key)?.share ?? 0

async function answersPerSecond(bundle: BenchBundle): Promise<number> {
  const words = new Int32Array(new SharedArrayBuffer(256))
  const started = performance.now()
  const players = ([0, 1] as const).map(me => {
    const workerData: Player = { words, me, ms: ANSWERS_MS }
    return new Worker(join(bundle.dir, bundle.loop('ping-pong')), { workerData, execArgv: [] })
  })
  const moves = await Promise.all(players.map(async player => (await once(player, 'message'))[0] as number))
  return (1000 * Math.min(...moves)) / (performance.now() - started)
}
