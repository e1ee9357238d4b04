/**
 * Reads ssh configurations where there is no ssh to ask: ssh_config(5) as far as it says where a host is and by which
 * keys. What it cannot decide as OpenSSH would, it refuses. A test compares it with `ssh -G`.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { matchesPattern } from './known-hosts.ts'
import type { Overrides, Settings } from './settings.ts'

const SYSTEM_FILE = '/etc/ssh/ssh_config'
const DEEPEST_INCLUDE = 16
/** Keywords that add up; of the others the first value counts. */
const SEVERAL = ['identityfile']

interface Reading {
  readonly alias: string
  readonly settings: Map<string, string[]>
  /** Where what is included lies, if it says no more than a name. */
  readonly includes: string
}

/** @throws Error in one line, with file and line */
export function readSettings(alias: string, overrides: Overrides, configFile?: string): Settings {
  const settings = new Map<string, string[]>()
  const { address, port, user } = overrides
  for (const [key, value] of Object.entries({ hostname: address, port, user })) {
    if (value !== undefined) settings.set(key, [String(value)])
  }
  const home = join(userInfo().homedir || homedir(), '.ssh')
  const own: Reading = { alias, settings, includes: home }
  if (configFile !== undefined) readFile(configFile, own, true, 0)
  else {
    readFile(join(home, 'config'), own, false, 0)
    readFile(SYSTEM_FILE, { ...own, includes: dirname(SYSTEM_FILE) }, false, 0)
  }
  return withDefaults(alias, settings)
}

function withDefaults(alias: string, settings: Map<string, string[]>): Settings {
  const hostname = hostnameOf(alias, settings)
  const defaults: Readonly<Record<string, readonly string[]>> = {
    port: ['22'],
    user: [userInfo().username],
    identityfile: ['rsa', 'ecdsa', 'ecdsa_sk', 'ed25519', 'ed25519_sk'].map(type => `~/.ssh/id_${type}`),
    userknownhostsfile: ['~/.ssh/known_hosts ~/.ssh/known_hosts2'],
    globalknownhostsfile: ['/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2'],
  }
  return new Map([...Object.entries(defaults), ...settings, ['hostname', [hostname]]])
}

/** HostName may hold the alias, as `%h`. */
function hostnameOf(alias: string, settings: Settings): string {
  const name = settings.get('hostname')?.[0] ?? alias
  return name.replace(/%([%h])/g, (_, token: string) => (token === 'h' ? alias : '%'))
}

/** @param needed whether it is an error that there is none */
function readFile(path: string, reading: Reading, needed: boolean, depth: number): void {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (!needed && (error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw new Error(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`, { cause: error })
  }
  // What stands before the first Host or Match is for every host.
  let active = true
  for (const [n, line] of text.split('\n').entries()) {
    const [, keyword, rest] = /^\s*([A-Za-z]+)(?:\s*=\s*|\s+)(.*?)\s*$/.exec(line) ?? []
    if (keyword === undefined) continue
    const fail = (message: string): never => {
      throw new Error(`${path}:${n + 1}: ${message}`)
    }
    const key = keyword.toLowerCase()
    const values = wordsOf(rest)
    if (key === 'host') active = matchesAny(values, reading.alias)
    else if (key === 'match') active = matchesCriteria(values, reading, fail)
    else if (!active) continue
    else if (key === 'include') include(values, reading, depth, fail)
    else keep(reading.settings, key, values)
  }
}

/** Blanks separate, quotes hold together. */
function wordsOf(text: string): string[] {
  const words = [...text.matchAll(/"((?:[^"\\]|\\.)*)"|([^\s"]+)/g)]
  const comment = words.findIndex(([whole]) => whole.startsWith('#'))
  const kept = comment < 0 ? words : words.slice(0, comment)
  return kept.map(([, quoted, plain]) => (quoted === undefined ? plain : quoted.replace(/\\(["\\])/g, '$1')))
}

function keep(settings: Map<string, string[]>, key: string, values: readonly string[]): void {
  const value = values.join(' ')
  if (SEVERAL.includes(key)) settings.set(key, [...(settings.get(key) ?? []), value])
  else if (!settings.has(key)) settings.set(key, [value])
}

function matchesAny(patterns: readonly string[], name: string): boolean {
  if (patterns.some(pattern => pattern.startsWith('!') && matchesPattern(pattern.slice(1), name))) return false
  return patterns.some(pattern => !pattern.startsWith('!') && matchesPattern(pattern, name))
}

function matchesCriteria(
  words: readonly string[],
  { alias, settings }: Reading,
  fail: (text: string) => never,
): boolean {
  const subjects: Readonly<Record<string, () => string>> = {
    host: () => hostnameOf(alias, settings).toLowerCase(),
    originalhost: () => alias,
    user: () => settings.get('user')?.[0] ?? userInfo().username,
    localuser: () => userInfo().username,
  }
  let matches = true
  for (let n = 0; n < words.length; n++) {
    const negated = words[n].startsWith('!')
    const criterion = words[n].slice(negated ? 1 : 0).toLowerCase()
    if (criterion === 'all') continue
    const subject = subjects[criterion]
    const patterns = words[++n]
    if (subject === undefined) return fail(`Match ${criterion} is OpenSSH's own: install ssh, or write Host instead`)
    if (patterns === undefined) return fail(`Match ${criterion} needs a pattern`)
    if (matchesAny(patterns.split(','), subject()) === negated) matches = false
  }
  return matches
}

function include(patterns: readonly string[], reading: Reading, depth: number, fail: (text: string) => never): void {
  if (depth === DEEPEST_INCLUDE) fail('Include goes too deep')
  for (const pattern of patterns) {
    const home = userInfo().homedir || homedir()
    const path = resolve(reading.includes, pattern.replace(/^~(?=\/)/, home))
    for (const file of expand(path)) readFile(file, reading, true, depth + 1)
  }
}

/** The files that a path with `*` and `?` in it means, in order. */
function expand(path: string): string[] {
  let found = ['/']
  for (const part of path.split('/').filter(part => part !== '')) {
    found = found.flatMap(folder => namesFor(folder, part).map(name => join(folder, name)))
  }
  return found
}

function namesFor(folder: string, pattern: string): string[] {
  try {
    const names = readdirSync(folder)
    if (!/[*?]/.test(pattern)) return names.includes(pattern) ? [pattern] : []
    return names
      .filter(name => matchesPattern(pattern, name) && name.startsWith('.') === pattern.startsWith('.'))
      .sort()
  } catch {
    // No folder, or none that may be listed: nothing is included from it, as OpenSSH has it.
    return []
  }
}
