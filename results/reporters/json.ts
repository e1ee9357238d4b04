/** Everything that happens as JSON, a line each, on stdout: for programs that follow a run. */
import type { Reporter, Streams } from './reporter.ts'

export function jsonReporter({ stdout }: Streams): Reporter {
  const say = (line: Record<string, unknown>) => {
    stdout.write(`${JSON.stringify({ at: new Date().toISOString(), ...line })}\n`)
  }
  return {
    start: (plan, dir) => say({ type: 'planned', dir, plan }),
    instanceStarted: ({ name, seed }, host) => say({ type: 'started', instance: name, seed, ...(host && { host }) }),
    // The end record comes again, judged, with `ended`.
    event: (name, event) => {
      if (event.type !== 'end') say({ instance: name, ...event })
    },
    instanceEnded: result => say({ type: 'ended', instance: result.name, result }),
    bridgeStarted: search => say({ type: 'started', instance: search.name, seed: search.seed }),
    bridgeEnded: (name, { bridge }) => say({ type: 'bridged', instance: name, bridge }),
    hostChanged(status, changed) {
      if (changed) say({ type: 'host', ...status })
    },
    end: (summary, dir) => say({ type: 'finished', dir, summary }),
  }
}
