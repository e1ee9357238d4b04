/** One reporter a run, by name. */

import { finalReporter } from './final.ts'
import { jsonReporter } from './json.ts'
import { junit } from './junit.ts'
import { plainReporter } from './plain.ts'
import type { Reporter, ReporterKind, Streams } from './reporter.ts'
import { tap } from './tap.ts'
import { ttyReporter } from './tty.ts'

export { REPORTERS, type Reporter, type ReporterKind, type Streams } from './reporter.ts'

/**
 * The reporter of a run.
 * @param kind    where not given by the user: `tty` if stdout is a terminal, else `plain`
 * @param streams results go to stdout; what only accompanies them goes to stderr
 */
export function createReporter(kind: ReporterKind, streams: Streams): Reporter {
  switch (kind) {
    case 'tty':
      return ttyReporter(streams)
    case 'plain':
      return plainReporter(streams)
    case 'json':
      return jsonReporter(streams)
    case 'tap':
      return finalReporter(tap, streams)
    case 'junit':
      return finalReporter(junit, streams)
  }
}
