/** Lines for a log: what happens, once; progress every ten seconds; the closing summary. */
import { clock, duration, formatBytes, human, oneLine, percent, plural, shortened, shownPath, sum } from '../format.ts'
import { isOnTrial } from '../trials.ts'
import { closingLines } from './closing.ts'
import { endedLine } from './line.ts'
import { paletteOf } from './palette.ts'
import { currentRate, Progress } from './progress.ts'
import type { HostStatus, Reporter, Streams } from './reporter.ts'

const PROGRESS_MS = 10_000

/** @param now the clock, in milliseconds */
export function plainReporter({ stdout }: Streams, now: () => number = () => performance.now()): Reporter {
  const paint = paletteOf(stdout)
  const say = (line: string) => stdout.write(`${line}\n`)
  let progress: Progress | undefined
  let saidAt = 0

  /** Called with every event rather than by a timer: a runner with nothing to say is itself worth noticing. */
  const tick = () => {
    if (progress === undefined || progress.elapsedMs - saidAt < PROGRESS_MS) return
    saidAt = progress.elapsedMs
    say(progressLine(progress))
  }

  return {
    start(plan, dir, earlier) {
      progress = new Progress(plan, earlier, now)
      say(
        `torture: ${plural(plan.instances.length, 'instance')}${longOf(progress)}, seed ${plan.seed}, ${shownPath(dir)}`,
      )
    },
    hostChanged(status, changed) {
      progress?.host(status)
      const line = changed ? hostLine(status) : undefined
      if (line !== undefined)
        say(paint(status.problem === undefined || status.state === 'waiting' ? 'gray' : 'yellow', line))
    },
    instanceStarted(instance, host) {
      progress?.started(instance, host)
      if (instance.trial !== undefined) return
      const threads = sum(instance.threads.map(({ count }) => count))
      say(
        `start ${instance.name}: ${plural(threads, 'thread')}, ${duration(instance.durationMs)}, seed ${instance.seed}${instance.bugs.map(bug => `, bug ${bug}`).join('')}${onHost(host)}`,
      )
    },
    event(name, event) {
      progress?.event(name, event)
      // Of a bug on trial the line of its end says all.
      if (event.type === 'failure' && progress?.planned(name)?.trial === undefined) {
        const { id, oracle, message, thread, round, schedule } = event.failure
        const when = schedule === undefined ? `round ${round}` : `execution ${round}`
        say(paint('red', `FAIL ${name}: ${oracle}: ${shortened(message, id)} (${thread}, ${when})`))
      }
      tick()
    },
    instanceEnded(result, interleavings) {
      progress?.ended(result, interleavings)
      say(endedLine(result, Number.POSITIVE_INFINITY, paint, progress?.planned(result.name)))
    },
    bridgeStarted(search, host) {
      progress?.started(search, host)
      say(`start ${search.name}: searching a schedule that repeats it, ${duration(search.durationMs)}${onHost(host)}`)
    },
    bridgeEnded(name, result, interleaving) {
      progress?.bridgeEnded(name, result, interleaving)
      if (result.bridge !== undefined) say(`${name}: ${oneLine(result.bridge.sentence)}`)
    },
    end(summary, dir) {
      if (progress === undefined) return
      const { plan, results, interleavings } = progress
      const look = { columns: Number.POSITIVE_INFINITY, paint }
      say(`\n${closingLines({ plan, summary, results, interleavings, dir, last: true }, look).join('\n')}`)
    },
  }
}

const onHost = (host: string | undefined) => (host === undefined || host === 'local' ? '' : `, on ${host}`)

/** What happens to a host, where it is worth a line. */
function hostLine({ name, state, cpus, shipped = 0, problem }: HostStatus): string | undefined {
  if (state === 'up') {
    const sent = shipped > 0 ? `, ${formatBytes(shipped)} of bundle sent` : ''
    return `host ${name}: ${plural(cpus, 'CPU')}${sent}`
  }
  if (state === 'waiting') return oneLine(problem ?? name)
  if (state === 'away') return `host away: ${oneLine(problem ?? name)}; it is tried again`
  return state === 'gone' ? `host given up: ${oneLine(problem ?? name)}` : undefined
}

/** A finding ends a search, and so does a proof. How soon bugs are caught is what a trial is about. */
function longOf({ plan, remainingMs }: Progress): string {
  if (isOnTrial(plan)) return ''
  const bound = plan.instances.every(({ mode }) => mode === 'explore') ? 'at most' : 'at least'
  return `, ${bound} ${duration(remainingMs)}`
}

function progressLine(progress: Progress): string {
  const running = [...progress.running.values()].map(entry => {
    const rate = currentRate(entry)
    const failures = entry.failures > 0 ? `, ${plural(entry.failures, 'failure')}` : ''
    return `${entry.instance.name} ${rate === undefined ? 'starting' : `${human(rate.perSecond)} ${rate.name}/s`}${failures}`
  })
  const left = isOnTrial(progress.plan) ? '' : `, ${clock(progress.remainingMs)} left`
  return `${clock(progress.elapsedMs)} ${percent(progress.share)} done${left}: ${running.join('; ')}`
}
