/** One text at the end; on the way the live view, if somebody watches. */
import { LiveView } from './live.ts'
import { Progress } from './progress.ts'
import type { EndedRun, Reporter, Streams } from './reporter.ts'

export function finalReporter(render: (run: EndedRun) => string, { stdout, stderr }: Streams): Reporter {
  let progress: Progress | undefined
  let live: LiveView | undefined
  return {
    start(plan, _dir, earlier) {
      progress = new Progress(plan, earlier)
      if (stderr.isTTY) live = new LiveView(stderr, progress)
    },
    hostChanged: status => progress?.host(status),
    instanceStarted: (instance, host) => progress?.started(instance, host),
    event: (name, event) => progress?.event(name, event),
    instanceEnded: (result, interleavings) => progress?.ended(result, interleavings),
    bridgeStarted: (search, host) => progress?.started(search, host),
    bridgeEnded: (name, result, interleaving) => progress?.bridgeEnded(name, result, interleaving),
    end(summary, dir) {
      live?.stop()
      if (progress === undefined) return
      const { plan, results, interleavings } = progress
      stdout.write(render({ plan, summary, results, interleavings, dir, last: true }))
    },
    stop: () => live?.stop(),
  }
}
