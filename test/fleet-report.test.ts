/** How a fleet is shown: while it works, and host by host in the closing summary. */
import { Writable } from 'node:stream'
import t from 'tap'
import { hostLines, hostTallies, oddHost } from '../results/reporters/hosts.ts'
import { createReporter } from '../results/reporters/index.ts'
import { hostsView } from '../results/reporters/live-hosts.ts'
import { plainPalette } from '../results/reporters/palette.ts'
import { Progress } from '../results/reporters/progress.ts'
import type { EndedRun } from '../results/reporters/reporter.ts'
import type { InstanceResult } from '../results/schema.ts'
import { failureOf, instanceOf, planOf, resultOf } from './helpers/results.ts'

const LOOK = { columns: 120, paint: plainPalette }
const HOUR = 3_600_000

/** So many instances on a host, of which the first ones fail, with the CPU time of all. */
function resultsOn(host: string, all: number, failures: number, hours: number): InstanceResult[] {
  return Array.from({ length: all }, (_, n) => {
    const name = `x-${host}.${n + 1}`
    const found = n < failures ? failureOf(name, 'a page was lost') : {}
    return resultOf(name, { host, cpuMs: (hours * HOUR) / all, ...found })
  })
}

const linesOf = (results: readonly InstanceResult[]) =>
  hostLines({ results: new Map(results.map(result => [result.name, result])) } as unknown as EndedRun, LOOK)

t.test('a host that fails more often than the others', async t => {
  const results = [...resultsOn('lab-a', 10, 0, 50), ...resultsOn('lab-b', 10, 4, 31), ...resultsOn('lab-c', 10, 0, 45)]
  const [head, columns, worst, ...more] = linesOf(results)
  t.equal(head, '3 hosts')
  t.match(columns, /host +ended +passed +failed +CPU time +failures per CPU-hour/)
  t.match(worst, /^ {2}lab-b +10 +6 +4 +31 h 00 m +0\.13 \(0\.04 to 0\.33 at 95%\)$/)
  // The exact conditional test gives (31/126)^4; the one that stands out was picked from three.
  t.match(more.join('\n'), /differ +4 failures in 31 CPU-hours on lab-b, 0 in 95 elsewhere: p = 0\.01/)
})

t.test('chance is not made much of', async t => {
  t.equal(oddHost(hostTallies([...resultsOn('a', 5, 1, 10), ...resultsOn('b', 5, 0, 10)])), undefined)
  t.equal(oddHost(hostTallies(resultsOn('a', 5, 5, 1))), undefined, 'nobody to compare with')
  t.same(linesOf(resultsOn('local', 3, 1, 1)), [], 'a run on this machine alone')
})

t.test('what counts', async t => {
  const results = [
    ...resultsOn('a', 2, 1, 1),
    resultOf('y.1', { host: 'none', verdict: 'lost' }),
    resultOf('y.2', { host: 'a', verdict: 'skipped' }),
    resultOf('y.3', { host: 'b', verdict: 'inconclusive', oversubscribed: true, cpuMs: 0 }),
  ]
  t.match(hostTallies(results), [
    { host: 'a', ended: 2, passed: 1, failed: 1, hours: 1 },
    { host: 'b', ended: 1, passed: 0, failed: 0, oversubscribed: 1 },
  ])
  t.match(linesOf(results).join('\n'), /^ {2}b .*1 with more threads than CPUs/m)
})

t.test('the live view', async t => {
  const progress = new Progress({
    ...planOf([instanceOf('x.1'), instanceOf('x.2')]),
    schema: 1,
    id: '2026.11.20-23.49.00',
  })
  for (const name of ['lab-a', 'lab-b', 'lab-c', 'lab-d'])
    progress.host({ name, state: 'up', cpus: 4, used: name === 'lab-a' ? 2 : 0 })
  progress.host({ name: 'lab-c', state: 'away', cpus: 4, used: 0, problem: 'lab-c: the link was cut' })
  progress.started(instanceOf('x.1'), 'lab-a')
  const stats = { type: 'stats', rounds: 1, nearMisses: 0, failures: 2, cpuMs: 1, phase: 'running' } as const
  progress.event('x.1', { ...stats, atMs: 1000, counters: { faults: 5000 } })
  const lines = hostsView(progress, 3, plainPalette)
  t.equal(lines.length, 3)
  t.match(lines[0], /lab-c +away: lab-c: the link was cut/, 'trouble first')
  t.match(lines[1], /lab-a +2\/4 CPUs +1 at work +5\.00 k faults\/s +2 failures/)
  t.equal(lines[2], '  and 2 more hosts: 2 up')
})

t.test('a log has a line for what happens to a host', async t => {
  let text = ''
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      text += chunk
      done()
    },
  })
  const reporter = createReporter('plain', { stdout, stderr: stdout })
  const plan = planOf([instanceOf('x.1')])
  reporter.start({ ...plan, schema: 1, id: '2026.11.20-23.49.00' }, 'r')
  reporter.hostChanged?.({ name: 'a', state: 'up', cpus: 2, used: 0 }, true)
  reporter.hostChanged?.({ name: 'a', state: 'up', cpus: 2, used: 2 }, false)
  reporter.instanceStarted(instanceOf('x.1'), 'a')
  reporter.hostChanged?.({ name: 'a', state: 'away', cpus: 2, used: 2, problem: 'a: the link was cut' }, true)
  reporter.hostChanged?.({ name: 'b', state: 'gone', cpus: 0, used: 0, problem: 'b: there is no Node' }, true)
  t.match(
    text,
    /\nhost a: 2 CPUs\nstart x\.1: .*, on a\nhost away: a: the link was cut; it is tried again\nhost given up: b: there is no Node\n$/,
  )
})
