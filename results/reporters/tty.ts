/** For a person at a terminal: a live view, results as they come above it, the closing summary in its place. */
import { oneLine, shortened } from '../format.ts'
import { closingLines } from './closing.ts'
import { endedLine } from './line.ts'
import { LiveView } from './live.ts'
import { paletteOf } from './palette.ts'
import { Progress } from './progress.ts'
import type { HostStatus, Reporter, Streams } from './reporter.ts'

const SAID: Readonly<Partial<Record<HostStatus['state'], string>>> = { gone: 'host given up: ', away: 'host away: ' }

export function ttyReporter({ stdout }: Streams): Reporter {
  const paint = paletteOf(stdout)
  let progress: Progress | undefined
  let live: LiveView | undefined
  const columns = () => stdout.columns ?? 80

  return {
    start(plan, _dir, earlier) {
      progress = new Progress(plan, earlier)
      live = new LiveView(stdout, progress)
    },
    hostChanged(status, changed) {
      progress?.host(status)
      const { state, problem } = status
      if (changed && problem !== undefined) live?.print([paint('yellow', `${SAID[state] ?? ''}${oneLine(problem)}`)])
    },
    instanceStarted(instance, host) {
      progress?.started(instance, host)
      live?.draw()
    },
    event(name, event) {
      progress?.event(name, event)
      // Where the first failure ends an instance, the line of its end says all.
      if (event.type !== 'failure' || !progress?.running.get(name)?.instance.keepGoing) return
      const { id, oracle, message } = event.failure
      live?.print([`${paint('red', `✖ ${name}`)}  ${oracle}: ${shortened(message, id)}`])
    },
    instanceEnded(result, interleavings) {
      progress?.ended(result, interleavings)
      // The closing summary says the same of a lone instance a moment later.
      if (progress !== undefined && progress.plan.instances.length > 1)
        live?.print([endedLine(result, columns(), paint, progress.planned(result.name))])
    },
    bridgeStarted(search, host) {
      progress?.started(search, host)
      live?.draw()
    },
    bridgeEnded(name, result, interleaving) {
      progress?.bridgeEnded(name, result, interleaving)
      live?.draw()
    },
    end(summary, dir) {
      live?.stop()
      if (progress === undefined) return
      const { plan, results, interleavings } = progress
      const lines = closingLines(
        { plan, summary, results, interleavings, dir, last: true },
        { columns: columns(), paint },
      )
      stdout.write(`\n${lines.join('\n')}\n`)
    },
    stop: () => live?.stop(),
  }
}
