/** The machines of a fleet: `--hosts lab-a,lab-b,local`, or a JSON file that says more of each. */
import { readFileSync, statSync } from 'node:fs'
import * as v from 'valibot'
import { FOLDER_NAME } from '../results/names.ts'
import { hint } from '../torture/plan/nearest.ts'
import type { HostSpec } from './carrier.ts'

/** What the user said of hosts cannot be understood: bad usage. */
export class HostsError extends Error {
  readonly exitCode = 2
}

export const LOCAL = 'local'
export const MOST_HOSTS = 4096
const LARGEST_FILE = 1 << 24

const about = <S extends v.GenericSchema>(text: string, schema: S) => v.pipe(schema, v.description(text))
const text = (pattern: RegExp, expected: string, most = 255) =>
  v.pipe(
    v.string(),
    v.maxLength(most, `at most ${most} letters are expected`),
    v.regex(pattern, `expected ${expected}`),
  )

/** A name is part of file names, and of the names of attempts. */
const name = text(FOLDER_NAME, 'letters, digits and ._@+-, as names of hosts are parts of file names', 64)
/** Nothing that ssh could take for an option. */
const alias = text(/^[\w@[][\w.@:+%[\]-]*$/, 'a name as in an ssh configuration')
const path = text(/^[^\0]+$/, 'a path', 2048)

const host = v.strictObject({
  name: about('What the fleet calls it: in reports, and in names of files.', name),
  carrier: v.exactOptional(
    about('How it is reached; default: ssh, and for the name "local" this machine.', v.picklist(['ssh', 'local'])),
  ),
  alias: v.exactOptional(about('What the ssh configuration knows it by; default: its name.', alias)),
  address: v.exactOptional(
    about(
      'Name or number of the machine, instead of HostName.',
      text(/^(?!-)[\w.:%-]+$/, 'a host name or an IP address'),
    ),
  ),
  port: v.exactOptional(about('Instead of Port.', v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535)))),
  user: v.exactOptional(about('Instead of User.', text(/^[\w.][\w.+@$\\-]*$/, 'the name of a user'))),
  cpus: v.exactOptional(
    about(
      'CPUs to use; default: all that a process may use there.',
      v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4096)),
    ),
  ),
  tags: v.exactOptional(about('Words of your own.', v.pipe(v.array(text(/^[\w.-]+$/, 'a word', 64)), v.maxLength(64)))),
  directory: v.exactOptional(
    about('Everything of torture on the host lies below it; relative to the home there. Default: .torture', path),
  ),
  node: v.exactOptional(
    about(
      'Its Node; relative to the home there. Default: that of its PATH, the newest of a version manager, the one shipped.',
      path,
    ),
  ),
})

const hosts = v.pipe(v.array(v.union([name, host])), v.minLength(1, 'names no host'), v.maxLength(MOST_HOSTS))

/** A hosts file. */
export const hostsFile = v.strictObject({ $schema: v.exactOptional(v.string()), hosts })

type Entry = v.InferOutput<typeof hosts>[number]

/**
 * @param given a file, or names with commas
 * @throws {HostsError}
 */
export function parseHosts(given: string): readonly HostSpec[] {
  const specs = (isFile(given) ? readHosts(given) : listed(given)).map(specOf)
  const seen = new Set<string>()
  for (const spec of specs) {
    // Two names that differ in their case only are one folder on some disks.
    const folder = spec.name.toLowerCase()
    if (seen.has(folder)) throw new HostsError(`the host ${spec.name} is named twice in ${given}`)
    seen.add(folder)
  }
  return specs
}

function isFile(given: string): boolean {
  if (/[/\\]|\.json$/i.test(given)) return true
  return statSync(given, { throwIfNoEntry: false })?.isFile() ?? false
}

function listed(given: string): Entry[] {
  const names = given.split(',').map(word => word.trim())
  for (const word of names) {
    if (word === '') throw new HostsError(`--hosts ${given}: a name is missing between commas`)
    const checked = v.safeParse(name, word)
    if (!checked.success) throw new HostsError(`--hosts: '${word}': ${checked.issues[0].message}`)
  }
  if (names.length > MOST_HOSTS) throw new HostsError(`--hosts: ${names.length} hosts are more than ${MOST_HOSTS}`)
  return names
}

function readHosts(path: string): Entry[] {
  const value = parseFile(path)
  const object = Array.isArray(value) ? { hosts: value } : value
  const checked = v.safeParse(hostsFile, object)
  if (checked.success) return checked.output.hosts
  throw new HostsError(`${path}: ${explain(object)}`)
}

function parseFile(path: string): unknown {
  let contents: string
  try {
    const { size } = statSync(path)
    if (size > LARGEST_FILE) throw new HostsError(`${path} has ${size} bytes: that is no hosts file`)
    contents = readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof HostsError) throw error
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`
    throw new HostsError(`the hosts file ${path}: ${why}`, { cause: error })
  }
  try {
    return JSON.parse(contents)
  } catch (error) {
    throw new HostsError(`${path} is no JSON: ${(error as Error).message.replace(/\s+/g, ' ')}`, { cause: error })
  }
}

/** The first thing that is wrong, with the host that it is wrong with. */
function explain(file: unknown): string {
  if (typeof file !== 'object' || file === null) return 'expected { "hosts": [ … ] }'
  const strays = Object.keys(file).filter(key => key !== 'hosts' && key !== '$schema')
  if (strays.length > 0)
    return `${strays[0]} means nothing: ${hint(strays[0], ['hosts'], 'expected { "hosts": [ … ] }')}`
  const list = (file as { hosts?: unknown }).hosts
  if (!Array.isArray(list)) return 'expected { "hosts": [ … ] }'
  for (const [n, entry] of list.entries()) {
    const checked = v.safeParse(typeof entry === 'string' ? name : host, entry)
    if (!checked.success) return `hosts[${n}]${calledBy(entry)}: ${issueText(checked.issues[0])}`
  }
  return list.length === 0 ? 'hosts is empty: name at least one' : `${list.length} hosts are more than ${MOST_HOSTS}`
}

function calledBy(entry: unknown): string {
  const own = typeof entry === 'string' ? entry : (entry as { name?: unknown } | null)?.name
  return typeof own === 'string' ? ` (${JSON.stringify(own.slice(0, 64))})` : ''
}

function issueText(issue: v.BaseIssue<unknown>): string {
  const key = v.getDotPath(issue)
  if (key === null) return issue.message
  if (issue.expected === 'never') {
    const known = Object.keys(host.entries)
    return `${key} means nothing: ${hint(key, known, `there are ${known.join(', ')}`)}`
  }
  return issue.received === 'undefined' ? `${key} is missing` : `${key}: ${issue.message}`
}

function specOf(entry: Entry): HostSpec {
  const given = typeof entry === 'string' ? { name: entry } : entry
  const reached = given.alias !== undefined || given.address !== undefined
  const carrier = given.carrier ?? (given.name === LOCAL && !reached ? 'local' : 'ssh')
  if (carrier === 'local' && (reached || given.port !== undefined || given.user !== undefined)) {
    throw new HostsError(`the host ${given.name} is this machine: alias, address, port and user mean nothing for it`)
  }
  return { ...given, carrier }
}
