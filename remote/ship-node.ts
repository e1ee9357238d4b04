/**
 * Ships the Node of this process to a host that has none: by sh and gzip alone, as there is nothing else to build on. It
 * lies in our directory under a name that holds its hash, and has proved that it runs there before it gets that name.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Client } from 'ssh2'
import { HostProblem, type HostSpec, type ProblemKind } from './carrier.ts'
import { markerText } from './host/directory.ts'
import { DEFAULT_DIRECTORY, MARKER, NODES } from './host/layout.ts'
import { shared } from './ship.ts'
import { DEFINE_NEWLINE, pathWord, shellWord } from './ssh/bootstrap.ts'
import { MarkedChannel, newMarker } from './ssh/marked-channel.ts'

/** From the last byte on: a binary is unpacked, hashed and started. */
const ARRIVE_MS = 300_000
const LONGEST_NAME = 100

/** As `uname -sm` says it. */
const SYSTEMS: Readonly<Record<string, string>> = {
  'Linux x86_64': 'linux-x64',
  'Linux aarch64': 'linux-arm64',
  'Linux armv7l': 'linux-arm',
  'Linux ppc64le': 'linux-ppc64',
  'Linux s390x': 'linux-s390x',
  'Darwin x86_64': 'darwin-x64',
  'Darwin arm64': 'darwin-arm64',
}

interface Binary {
  readonly sha256: string
  readonly bytes: number
}

let identified: Promise<Binary> | undefined

async function identify(): Promise<Binary> {
  const contents = await readFile(process.execPath)
  return { sha256: createHash('sha256').update(contents).digest('hex'), bytes: contents.length }
}

/** A quick level: it is the line that waits. */
const pack = async () => promisify(gzip)(await readFile(process.execPath), { level: 1 })

/** @throws {HostProblem} */
export async function shipNode(spec: HostSpec, client: Client): Promise<void> {
  identified ??= identify()
  const binary = await identified
  const own = `${process.platform}-${process.arch}`
  const name = `${process.version}-${own}-${binary.sha256.slice(0, 16)}`
  const marker = newMarker()
  const lines = await MarkedChannel.open(spec, client, marker, receiveNode(spec, marker, name, binary))
  return converse(spec, lines, async system => {
    if (SYSTEMS[system] === own) return shared('node', pack, async packed => void lines.channel.end(packed))
    const mismatch = `it is ${system}, and the Node of this machine is for ${own}: install Node there`
    throw new HostProblem('no-node', spec.name, mismatch)
  })
}

/** Settles when the other end has nothing more to do, and what it could not use is removed. */
function converse(spec: HostSpec, lines: MarkedChannel, send: (system: string) => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const problem = (kind: ProblemKind, message: string) => new HostProblem(kind, spec.name, message)
    const patience = setTimeout(() => lines.channel.destroy(), ARRIVE_MS)
    let decided = false
    let outcome: unknown = problem('cut', 'the connection ended while Node was shipped')
    const end = (result: unknown) => {
      // What the other end says of a stream that we ended ourselves is no news.
      if (!decided) outcome = result
      decided = true
      lines.end()
    }
    lines.onLine = said => {
      const { system, trouble, arrived } = (said ?? {}) as Readonly<Record<string, unknown>>
      if (typeof system === 'string') send(system.slice(0, LONGEST_NAME)).catch(end)
      else end(arrived === true ? undefined : troubleOf(String(trouble), spec, problem, lines))
    }
    lines.onEnd = () => {
      clearTimeout(patience)
      if (outcome === undefined) resolve()
      else reject(outcome)
    }
  })
}

function troubleOf(
  trouble: string,
  { directory = DEFAULT_DIRECTORY }: HostSpec,
  problem: (kind: ProblemKind, message: string) => HostProblem,
  lines: MarkedChannel,
): HostProblem {
  const other = 'give the host another directory in the hosts file'
  const said = lines.lastWords()
  switch (trouble) {
    case 'foreign':
      return problem('not-ours', `${directory} is not torture's: it has no ${MARKER} and is not empty; ${other}`)
    case 'denied':
      return problem('no-permission', `Node cannot be stored in ${directory} (${said}): ${other}`)
    case 'full':
      return problem(
        'no-space',
        `there is no room for Node in ${directory}: torture hosts clean frees what old runs left`,
      )
    case 'useless':
      return problem(
        'no-node',
        `the Node of this machine does not run there (${said}): another libc, or a file system that starts no programs (noexec)? Install Node there, or give the host another directory`,
      )
    default:
      return problem('damaged', `Node arrived damaged (${said})`)
  }
}

/** What sh does on the host. All that it prints to us are fixed words and the system's name. */
function receiveNode(
  { directory = DEFAULT_DIRECTORY }: HostSpec,
  marker: string,
  name: string,
  binary: Binary,
): string {
  const hashItself =
    'process.stdout.write(require("crypto").createHash("sha256").update(require("fs").readFileSync(process.execPath)).digest("hex"))'
  const kilobytes = Math.ceil(binary.bytes / 1024) + 1024
  const [line, explanation] = markerText().split('\n')
  return [
    DEFINE_NEWLINE,
    'LC_ALL=C; export LC_ALL; unset NODE_OPTIONS; umask 077',
    `d=${pathWord(directory)}; m=${shellWord(marker)}`,
    `trouble() { printf '%s{"trouble":"%s"}\\n' "$m" "$1"; exit 1; }`,
    'if [ -e "$d" ]; then [ -d "$d" ] && [ -O "$d" ] || trouble foreign; fi',
    `if [ -d "$d" ] && ! [ -f "$d/${MARKER}" ] && [ -n "$(ls -A "$d")" ]; then trouble foreign; fi`,
    `mkdir -p "$d/${NODES}" || trouble denied`,
    `[ -f "$d/${MARKER}" ] || printf '%s\\n%s\\n' ${shellWord(line)} ${shellWord(explanation)} > "$d/${MARKER}" || trouble denied`,
    `p="$d/${NODES}/.incoming-$$"; n="$d/${NODES}/${name}"; rm -rf "$p"; trap 'rm -rf "$p"' EXIT; trap 'exit 1' HUP TERM PIPE`,
    'mkdir "$p" || trouble denied',
    `a=$(df -Pk "$p" | awk 'NR==2 { print $4 }'); [ "\${a:-0}" -ge ${kilobytes} ] || trouble full`,
    `printf '%s{"system":"%s"}\\n' "$m" "$(uname -sm)"`,
    'e=$(gzip -dc 2>&1 > "$p/node") || { case $e in *space*|*quota*) trouble full;; esac; echo "$e" >&2; trouble damaged; }',
    'chmod 755 "$p/node"',
    `h=$("$p/node" -e ${shellWord(hashItself)}) || trouble useless`,
    `[ "$h" = ${binary.sha256} ] || trouble damaged`,
    '[ -d "$n" ] || mv "$p" "$n" || trouble denied',
    `printf '%s{"arrived":true}\\n' "$m"`,
  ].join('; ')
}
