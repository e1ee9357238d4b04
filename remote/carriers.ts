/** The way to reach a host, by what its entry says. */
import type { Carrier, HostSpec } from './carrier.ts'
import type { SshOptions } from './ssh/carrier.ts'

/** Each way is loaded when a host needs it. */
export async function carrierOf(spec: HostSpec, options: SshOptions): Promise<Carrier> {
  if (spec.carrier === 'local') return (await import('./local.ts')).localCarrier(spec)
  return (await import('./ssh/carrier.ts')).sshCarrier(spec, options)
}
