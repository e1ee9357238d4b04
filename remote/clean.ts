/** `torture hosts clean`: what old runs left on the hosts. Only what lies below a directory with our marker is touched. */
import { HostProblem, type HostSpec } from './carrier.ts'
import { type Cleaned, type CleanRequest, clean } from './host/clean.ts'
import { directoryAt } from './host/directory.ts'
import { troubleOf } from './host/problem.ts'
import { HANDSHAKES, Slots } from './slots.ts'
import { type SshOptions, sshCarrier } from './ssh/carrier.ts'

export interface HostCleaned {
  readonly name: string
  /** Undefined where it could not be done: then the problem says why. */
  readonly cleaned?: Cleaned
  readonly problem?: string
}

export function cleanHosts(
  specs: readonly HostSpec[],
  request: CleanRequest,
  options: SshOptions,
  signal: AbortSignal,
): Promise<HostCleaned[]> {
  const slots = new Slots(HANDSHAKES)
  const one = async (spec: HostSpec) => {
    try {
      return { name: spec.name, cleaned: await cleanHost(spec, request, options, signal) }
    } catch (error) {
      if (!(error instanceof HostProblem)) throw error
      return { name: spec.name, problem: error.message }
    }
  }
  return Promise.all(specs.map(spec => slots.use(() => one(spec))))
}

async function cleanHost(spec: HostSpec, request: CleanRequest, options: SshOptions, signal: AbortSignal) {
  if (spec.carrier === 'local') return cleanHere(spec, request)
  const reached = await sshCarrier(spec, options).connect(signal)
  try {
    return await reached.clean(request)
  } finally {
    reached.close()
  }
}

function cleanHere(spec: HostSpec, request: CleanRequest): Cleaned {
  try {
    return clean(directoryAt(spec.directory), request)
  } catch (error) {
    const { kind, message } = troubleOf(error, 'clean this machine')
    throw new HostProblem(kind, spec.name, message, { cause: error })
  }
}
