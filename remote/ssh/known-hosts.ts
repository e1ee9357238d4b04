/**
 * known_hosts, read as OpenSSH reads it and always strictly: a key that no line vouches for is refused, whatever
 * StrictHostKeyChecking says. The format: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'

export interface KnownKey {
  readonly file: string
  readonly line: number
  readonly marker: '@revoked' | '@cert-authority' | undefined
  readonly type: string
  readonly key: Buffer
}

/** What known_hosts says of a key that a host offers. */
export type Trust =
  | { readonly kind: 'trusted'; readonly by: KnownKey }
  | { readonly kind: 'unknown'; readonly others: readonly KnownKey[] }
  | { readonly kind: 'changed' | 'revoked'; readonly by: KnownKey }

/** What a host is looked up by: `[address]:port`, or the plain address for port 22. */
export function lookupName(address: string, port: number): string {
  return port === 22 ? address.toLowerCase() : `[${address.toLowerCase()}]:${port}`
}

/** The lines of all files that speak of a host. A file that is not there says nothing. */
export function knownKeys(files: readonly string[], name: string): KnownKey[] {
  return files.flatMap(file => {
    const text = contents(file)
    return text === undefined ? [] : keysIn(text, file, name)
  })
}

/**
 * RevokedHostKeys: public keys, one a line.
 * @throws Error for a file that is not there, or a binary list: what cannot be read cannot be obeyed
 */
export function revokedKeys(file: string): KnownKey[] {
  const text = readFileSync(file, 'latin1')
  if (text.startsWith('SSHKRL'))
    throw new Error(`${file} is a binary list, which torture does not read: list the keys as text`)
  return text.split('\n').flatMap((line, n) => {
    const [type, blob] = line.trim().split(/\s+/)
    if (blob === undefined || line.trim().startsWith('#')) return []
    return [{ file, line: n + 1, marker: '@revoked' as const, type, key: Buffer.from(blob, 'base64') }]
  })
}

function contents(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENXIO') return undefined
    throw error
  }
}

function keysIn(text: string, file: string, name: string): KnownKey[] {
  const keys: KnownKey[] = []
  for (const [n, line] of text.split('\n').entries()) {
    if (/^\s*(#|$)/.test(line)) continue
    const words = line.trim().split(/\s+/)
    const marker = words[0].startsWith('@') ? words.shift() : undefined
    const [patterns, type, blob] = words
    if (blob === undefined || !matchesHost(patterns, name)) continue
    // A marker that nobody knows may forbid as well as allow: such a line vouches for nothing.
    if (marker !== undefined && marker !== '@revoked' && marker !== '@cert-authority') continue
    keys.push({ file, line: n + 1, marker, type, key: Buffer.from(blob, 'base64') })
  }
  return keys
}

/** `host,*.lab,!bad.lab`, or one hashed name. */
export function matchesHost(patterns: string, name: string): boolean {
  if (patterns.startsWith('|')) return matchesHash(patterns, name)
  let matched = false
  for (const pattern of patterns.toLowerCase().split(',')) {
    if (pattern.startsWith('!')) {
      if (matchesPattern(pattern.slice(1), name)) return false
    } else if (matchesPattern(pattern, name)) matched = true
  }
  return matched
}

/** `|1|salt|HMAC-SHA1 of the name`, both in base64. */
function matchesHash(text: string, name: string): boolean {
  const [, magic, salt, hash] = text.split('|')
  if (magic !== '1' || hash === undefined) return false
  const expected = Buffer.from(hash, 'base64')
  const actual = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest()
  return expected.length === actual.length && timingSafeEqual(expected, actual)
}

/** `*` for any letters, `?` for one. */
export function matchesPattern(pattern: string, text: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`, 's').test(text)
}

/** What is known of the key that a host offers; a revoked key is refused even if another line trusts it. */
export function judgeKey(known: readonly KnownKey[], offered: Buffer): Trust {
  const type = keyType(offered)
  const same = ({ key }: KnownKey) => key.equals(offered)
  const revoked = known.find(entry => entry.marker === '@revoked' && same(entry))
  if (revoked !== undefined) return { kind: 'revoked', by: revoked }
  const own = known.filter(({ marker }) => marker === undefined)
  const trusted = own.find(same)
  if (trusted !== undefined) return { kind: 'trusted', by: trusted }
  const other = own.find(entry => entry.type === type)
  if (other !== undefined) return { kind: 'changed', by: other }
  return { kind: 'unknown', others: known.filter(({ marker }) => marker !== '@revoked') }
}

/** The name in front of a key's numbers: `ssh-ed25519`. */
export function keyType(key: Buffer): string {
  if (key.length < 4) return ''
  const length = key.readUInt32BE(0)
  // Whoever answered wrote it, and it is going to be shown.
  return length > 64 ? '' : key.toString('latin1', 4, 4 + length).replace(/[^\w@.-]/g, '?')
}

/** `SHA256:…`, as ssh-keygen prints it. */
export const fingerprint = (key: Buffer) =>
  `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`

/** All that can be verified here; the older ones last. */
const ALGORITHMS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
] as const

export type HostKeyAlgorithm = (typeof ALGORITHMS)[number]

/**
 * The algorithms to offer, those of keys that known_hosts has first: a host with several keys shall show one that can
 * be compared.
 */
export function keyAlgorithms(known: readonly KnownKey[]): HostKeyAlgorithm[] {
  const types = new Set(known.filter(({ marker }) => marker === undefined).map(({ type }) => type))
  const isKnown = (algorithm: string) => types.has(algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm)
  return [...ALGORITHMS.filter(isKnown), ...ALGORITHMS.filter(algorithm => !isKnown(algorithm))]
}
