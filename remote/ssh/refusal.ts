/** Why a host's key is refused, in one line that says how to check it. */
import { HostProblem } from '../carrier.ts'
import { type Hop, typed } from './config.ts'
import { fingerprint, type KnownKey, keyType, lookupName, type Trust } from './known-hosts.ts'

type Refused = Exclude<Trust, { kind: 'trusted' }>

export function refusal(host: string, hop: Hop, offered: Buffer, trust: Refused): HostProblem {
  const at = `${hop.address}:${hop.port}`
  const shows = `${at} shows the key ${fingerprint(offered)} (${keyType(offered)})`
  const name = hop.keyAlias ?? lookupName(hop.address, hop.port)
  if (trust.kind === 'unknown') {
    return new HostProblem(
      'unknown-key',
      host,
      `${shows}, and ${whyUnknown(trust.others, hop)}; ${howToCheck(hop, keyType(offered))}, then ${howToAccept(trust.others, hop)}`,
    )
  }
  if (trust.kind === 'revoked') {
    return new HostProblem('revoked-key', host, `${shows}, which ${place(trust.by)} revokes: do not use this host`)
  }
  const instead = `${shows}, but ${place(trust.by)} has ${fingerprint(trust.by.key)}`
  const remedy = `ssh-keygen -R ${typed(name)} -f ${typed(trust.by.file)}`
  return new HostProblem('changed-key', host, `${instead}: somebody may be in between; if it was changed, ${remedy}`)
}

function whyUnknown(others: readonly KnownKey[], { knownHosts }: Hop): string {
  const authority = others.find(({ marker }) => marker === '@cert-authority')
  if (authority !== undefined) {
    return `${place(authority)} trusts an authority, whose certificates torture does not check`
  }
  const [other] = others
  if (other !== undefined) return `${place(other)} knows it by another one (${other.type})`
  return `it is not in ${knownHosts.slice(0, 2).join(' or ') || 'known_hosts: no file is configured'}`
}

/** What ssh-keyscan shows has come over a network: over the same one it proves nothing. */
function howToCheck({ address, port }: Hop, type: string): string {
  const own = `ssh-keygen -lf /etc/ssh/ssh_host_${kindOf(type)}_key.pub`
  const scan = `ssh-keyscan${port === 22 ? '' : ` -p ${port}`} ${address} | ssh-keygen -lf -`
  return `compare it with the host's own (there: ${own}; over another network: ${scan})`
}

/** Where an authority vouches for the host, ssh itself asks nothing, and writes nothing down. */
function howToAccept(others: readonly KnownKey[], { command, knownHosts }: Hop): string {
  const vouched = others.some(({ marker }) => marker === '@cert-authority')
  return vouched ? `add it to ${knownHosts[0] ?? 'known_hosts'}` : `accept it by ${command}`
}

const kindOf = (type: string) => (type.startsWith('ecdsa') ? 'ecdsa' : type === 'ssh-rsa' ? 'rsa' : 'ed25519')

const place = ({ file, line }: KnownKey) => `${file}:${line}`
