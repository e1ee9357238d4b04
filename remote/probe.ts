/** `torture hosts check`: what stands between us and a run on each host. Nothing is changed there. */
import { HostProblem, type HostSpec, type ProblemKind } from './carrier.ts'
import { tooNarrow } from './fitness.ts'
import { directoryAt } from './host/directory.ts'
import { type OwnFacts, ownFacts } from './host/facts.ts'
import { troubleOf } from './host/problem.ts'
import { HANDSHAKES, Slots } from './slots.ts'
import { type SshOptions, sshCarrier } from './ssh/carrier.ts'
import type { HostKey } from './ssh/login.ts'

/** Less is no room for a bundle and results. */
const LEAST_FREE_BYTES = 64 << 20

export interface HostReport {
  readonly name: string
  readonly fit: boolean
  /** Why not; the message says what to do. */
  readonly problem?: { readonly kind: ProblemKind; readonly message: string }
  readonly hostKey?: HostKey
  readonly facts?: OwnFacts & { readonly clockSkewMs: number; readonly roundTripMs: number }
  /** CPUs that a run would use. */
  readonly cpus?: number
}

export function checkHosts(
  specs: readonly HostSpec[],
  options: SshOptions,
  signal: AbortSignal,
): Promise<HostReport[]> {
  const slots = new Slots(HANDSHAKES)
  const one = async (spec: HostSpec) => {
    try {
      return judge(spec, await look(spec, options, signal))
    } catch (error) {
      if (!(error instanceof HostProblem)) throw error
      return { name: spec.name, fit: false, problem: { kind: error.kind, message: error.message } }
    }
  }
  return Promise.all(specs.map(spec => slots.use(() => one(spec))))
}

type Seen = Pick<HostReport, 'hostKey'> & { readonly facts: NonNullable<HostReport['facts']> }

function judge(spec: HostSpec, { facts, hostKey }: Seen): HostReport {
  const report = { name: spec.name, facts, cpus: spec.cpus ?? facts.cpus, ...(hostKey !== undefined && { hostKey }) }
  const narrow = tooNarrow(spec.name, facts)
  if (narrow !== undefined) return { ...report, fit: false, problem: { kind: narrow.kind, message: narrow.message } }
  if (facts.freeBytes >= LEAST_FREE_BYTES) return { ...report, fit: true }
  const free = `${(facts.freeBytes / 1e6).toFixed(1)} MB`
  const message = `${spec.name}: ${facts.directory} has ${free} left: torture hosts clean frees what old runs left`
  return { ...report, fit: false, problem: { kind: 'no-space', message } }
}

async function look(spec: HostSpec, options: SshOptions, signal: AbortSignal): Promise<Seen> {
  if (spec.carrier === 'local') return lookHere(spec)
  const reached = await sshCarrier(spec, options).connect(signal)
  reached.close()
  const { facts, hostKey } = reached
  return { facts, hostKey }
}

function lookHere(spec: HostSpec): Seen {
  try {
    return { facts: { ...ownFacts(directoryAt(spec.directory)), clockSkewMs: 0, roundTripMs: 0 } }
  } catch (error) {
    const { kind, message } = troubleOf(error, 'look at this machine')
    throw new HostProblem(kind, spec.name, message, { cause: error })
  }
}
