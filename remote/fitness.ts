/** What of a host's facts makes it unfit, before anything is started there that would never answer. */
import { type HostFacts, HostProblem } from './carrier.ts'

/** Porter, agent and guest are Node processes, each with a dozen threads; one that gets none stands still for ever. */
const LEAST_PROCESSES = 48

export function tooNarrow(host: string, { mostProcesses }: Pick<HostFacts, 'mostProcesses'>): HostProblem | undefined {
  if (mostProcesses === undefined || mostProcesses >= LEAST_PROCESSES) return undefined
  const what = `its user may have only ${mostProcesses} processes and threads, and a run takes ${LEAST_PROCESSES}`
  return new HostProblem('no-permission', host, `${what}: raise the limit (ulimit -u) there`)
}
