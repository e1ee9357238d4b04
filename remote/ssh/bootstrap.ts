/**
 * How a program of ours gets to run on a host on which nothing of ours is. The command line that the login shell sees is
 * always the same and holds nobody's data: sh, bash, zsh, fish and csh read it alike. It starts sh, which reads one line
 * (it finds a Node), which reads another (the program), which reads the rest.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { DEFAULT_DIRECTORY, NODES } from '../host/layout.ts'

export const COMMAND = `exec sh -c 'IFS= read -r s && eval "$s"'`

/** The oldest Node that runs guests. */
export const OLDEST_NODE = [20, 11] as const

/** What a Node says that is too old; sh then tries the next one. */
const TOO_OLD = 99

/** Each is a word of sh; of several versions the newest comes first, and what we shipped comes last. */
const PLACES = [
  '"$HOME"/.nvm/versions/node/*/bin/node',
  '"$HOME"/.local/share/fnm/node-versions/*/installation/bin/node',
  '"$HOME"/.local/share/mise/installs/node/*/bin/node',
  '"$HOME"/.asdf/installs/nodejs/*/bin/node',
  '"$HOME"/n/bin/node',
  '/opt/node*/bin/node',
]
const FIRST_PLACES = [
  '"$(command -v node)"',
  '/usr/local/bin/node',
  '/opt/homebrew/bin/node',
  '"$HOME"/.volta/bin/node',
]

export interface BootstrapOptions {
  /** A word that nothing else on the stream begins a line with. */
  readonly marker: string
  readonly directory?: string | undefined
  /** The Node to try; default: those of PATH and of version managers. */
  readonly node?: string | undefined
  /** Whether one that was shipped serves where that is not to be had. */
  readonly shipped?: boolean
}

/** Any text as one word of sh; a line break cannot be in a line, so a variable holds it. */
export const shellWord = (text: string) => `'${text.replaceAll("'", `'\\''`).replaceAll('\n', `'"$nl"'`)}'`

/** A path of a hosts file as a word of sh: relative to the home. */
export function pathWord(path: string): string {
  return path.startsWith('/') ? shellWord(path) : `"$HOME"/${shellWord(path.replace(/^~(\/|$)/, ''))}`
}

/** Sets `nl`: command substitution would take a line break at its end away. */
export const DEFINE_NEWLINE = `nl=$(printf '\\nx'); nl=\${nl%x}`

/** The line that finds a Node and starts it with the little program that reads ours. */
export function findNode({ marker, directory = DEFAULT_DIRECTORY, node, shipped = false }: BootstrapOptions): string {
  const ours = `${pathWord(directory)}/${NODES}/*/node`
  const search =
    node === undefined
      ? [
          'set --',
          `for c in ${[ours, ...PLACES.toReversed()].join(' ')}; do [ -x "$c" ] && set -- "$c" "$@"; done`,
          `set -- ${FIRST_PLACES.join(' ')} "$@"`,
        ]
      : [`set -- ${pathWord(node)}${shipped ? ` ${ours}` : ''}`]
  return [
    DEFINE_NEWLINE,
    'unset NODE_OPTIONS NODE_REPL_EXTERNAL_MODULE',
    ...search,
    // 126 and 127: it is there and cannot be started.
    `for c in "$@"; do [ -f "$c" ] && [ -x "$c" ] || continue; "$c" -e ${shellWord(loader(marker))}; s=$?; case $s in ${TOO_OLD}|126|127) ;; *) exit $s;; esac; done`,
    `printf '%s{"none":"%s"}\\n' ${shellWord(marker)} "$(uname -sm)"`,
  ].join('; ')
}

/** JavaScript that the oldest Node can read, as it has to say that it is too old. */
function loader(marker: string): string {
  const [major, minor] = OLDEST_NODE
  const m = JSON.stringify(marker)
  const old = `process.stdout.write(${m}+JSON.stringify({old:process.versions.node,path:process.execPath})+"\\n");process.exit(${TOO_OLD})`
  const start = [
    'i.removeListener("data",f)',
    'i.pause()',
    'if(n+1<b.length)i.unshift(b.slice(n+1))',
    'var c=require("zlib").gunzipSync(Buffer.from(b.toString("latin1",0,n),"base64")).toString()',
    'var o={exports:{}}',
    'new Function("require","module",c)(require,o)',
    `o.exports.porter(${m},eval("(function(u){return import(u)})"))`,
  ].join(';')
  return [
    'var v=process.versions.node.split(".")',
    `if(+v[0]<${major}||+v[0]===${major}&&+v[1]<${minor}){${old}}`,
    'var p=[],i=process.stdin',
    `function f(d){p.push(d);if(d.indexOf(10)<0)return;var b=Buffer.concat(p),n=b.indexOf(10);${start}}`,
    'i.on("data",f)',
    'i.on("end",function(){process.exit(0)})',
  ].join(';')
}

let program: string | undefined

/** The compiled porter as one line. */
export function porterLine(): string {
  program ??= gzipSync(readFileSync(compiledPorter()), { level: 9 }).toString('base64')
  return program
}

/** Where the build puts it: found from the sources, from the compiled files and from the bundled command. */
function compiledPorter(): string {
  for (let dir = dirname(fileURLToPath(import.meta.url)); ; dir = dirname(dir)) {
    const path = join(dir, 'dist/host/porter.cjs')
    if (existsSync(path)) return path
    if (dir === dirname(dir))
      throw new Error('torture is installed without dist/host: install it again, or npm run build')
  }
}
