/** The user's keys, in the order in which OpenSSH offers them. Passwords and passphrases are never asked for. */
import { readFileSync } from 'node:fs'
import ssh2, { type AnyAuthMethod, type ParsedKey } from 'ssh2'
import type { Hop } from './config.ts'

export interface Keys {
  readonly methods: readonly AnyAuthMethod[]
  /** What kept a key from being used, a phrase each: worth telling if none of the others is accepted. */
  readonly hindrances: readonly string[]
}

/** Keys of files that an agent holds, its others, files that no agent holds. */
export async function keysFor({ user, agent, identityFiles, identitiesOnly }: Hop): Promise<Keys> {
  const hindrances: string[] = []
  const held = agent === undefined ? [] : await identitiesOf(agent, hindrances)
  const named = identityFiles.map(file => ({ file, ...readKey(file) }))
  const holds = (key: ParsedKey) => held.find(other => blob(other).equals(blob(key)))
  const methods: AnyAuthMethod[] = []
  const byAgent = (key: ParsedKey) => methods.push({ type: 'agent', username: user, agent: new OneKey(agent!, key) })

  const first = named.flatMap(({ publicKey }) => (publicKey && holds(publicKey)) ?? [])
  for (const key of first) byAgent(key)
  if (!identitiesOnly) for (const key of held) if (!first.includes(key)) byAgent(key)
  for (const { file, publicKey, privateKey, problem } of named) {
    if (publicKey !== undefined && holds(publicKey) !== undefined) continue
    if (problem !== undefined) hindrances.push(`${file} ${problem}`)
    if (privateKey !== undefined) methods.push({ type: 'publickey', username: user, key: privateKey })
  }
  return { methods, hindrances }
}

const blob = (key: ParsedKey): Buffer => key.getPublicSSH()

interface ReadKey {
  readonly publicKey?: ParsedKey
  readonly privateKey?: ParsedKey
  readonly problem?: string
}

/** What a file holds, and the public half beside it if that is all that can be read. */
function readKey(file: string): ReadKey {
  const text = textOf(file)
  // Most of the files that a configuration names by default are not there.
  if (text === undefined) return publicHalf(file)
  if (typeof text !== 'string') return { problem: `cannot be read (${text.code})`, ...publicHalf(file) }
  const key = parse(text)
  if (!(key instanceof Error)) return key.isPrivateKey() ? { publicKey: key, privateKey: key } : { publicKey: key }
  const encrypted = /encrypted|passphrase/i.test(key.message)
  const problem = encrypted ? `is encrypted and no agent holds it: ssh-add ${file}` : `is no key: ${key.message}`
  return { problem, ...publicHalf(file) }
}

function publicHalf(file: string): ReadKey {
  const text = textOf(`${file}.pub`)
  const key = typeof text === 'string' ? parse(text) : undefined
  return key === undefined || key instanceof Error ? {} : { publicKey: key }
}

function textOf(file: string): string | NodeJS.ErrnoException | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const failure = error as NodeJS.ErrnoException
    return failure.code === 'ENOENT' || failure.code === 'ENOTDIR' ? undefined : failure
  }
}

function parse(text: string): ParsedKey | Error {
  const keys: ParsedKey | ParsedKey[] | Error = ssh2.utils.parseKey(text)
  return Array.isArray(keys) ? keys[0] : keys
}

function identitiesOf(socket: string, hindrances: string[]): Promise<readonly ParsedKey[]> {
  return new Promise(resolve => {
    new ssh2.OpenSSHAgent(socket).getIdentities((error, keys) => {
      // The agent's own answers are parsed keys; the type speaks of agents that users write, too.
      if (error) hindrances.push(`the agent at ${socket} does not answer`)
      resolve((keys ?? []) as ParsedKey[])
    })
  })
}

/** An agent that shows one of its keys only: ssh2 would offer all of them, and servers count what they refuse. */
class OneKey extends ssh2.OpenSSHAgent {
  readonly #key: ParsedKey

  constructor(socket: string, key: ParsedKey) {
    super(socket)
    this.#key = key
  }

  override getIdentities(done: (error?: Error | null, keys?: ParsedKey[]) => void): void {
    done(undefined, [this.#key])
  }
}
