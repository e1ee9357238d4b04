/** Starts the describe child and makes of what it says, or of how it ends, either descriptions or one line. */
import { join, relative } from 'node:path'
import { UsageError } from '../errors.ts'
import { memoryLimit } from '../runner/limits.ts'
import type { Entry } from './compile.ts'
import type { BugDescription, ScenarioDescription } from './manifest.ts'
import { sourcePosition } from './original.ts'
import type { SourceRoots } from './sources.ts'
import { onDisk } from './sources.ts'

export type ModuleScenario = Omit<ScenarioDescription, 'module' | 'source' | 'builtin'>

export interface Described {
  readonly scenario?: ModuleScenario
  readonly bug?: BugDescription
  readonly problem?: string
  readonly thrown?: { readonly message: string; readonly stack: string }
}

/** One line of the child. */
export type Told = Described & { readonly module: string }

/** Of CPU time where it can be limited: on a crowded machine importing what comes with us takes long as well. */
const CPU_LIMIT_S = 5
/** Otherwise, and for what is asleep. */
const TIME_LIMIT_MS = 120_000
const MEMORY_LIMIT = 1 << 30

/**
 * Imports modules of a bundle in a child and returns what they are, in the same order.
 * @throws UsageError naming the file that throws, exits, hangs, exhausts memory or is no scenario
 */
export async function describeModules(
  dir: string,
  kind: 'scenario' | 'bug',
  entries: readonly Entry[],
  roots: SourceRoots,
): Promise<Described[]> {
  if (entries.length === 0) return []
  const { execa } = await import('execa')
  const limits = memoryLimit(MEMORY_LIMIT)
  const limited = limits.length > 0
  const [command, ...args] = [
    ...limits,
    ...(limited ? [`--cpu=${CPU_LIMIT_S}:${CPU_LIMIT_S + 1}`] : []),
    process.execPath,
    '--enable-source-maps',
    `--max-old-space-size=${MEMORY_LIMIT / (1 << 21)}`,
    'describe.js',
    ...entries.map(({ module }) => `${kind}:${module}`),
  ]
  const ended = await execa(command, args, {
    cwd: dir,
    env: { NODE_OPTIONS: '' },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    timeout: limited ? TIME_LIMIT_MS : CPU_LIMIT_S * 1000,
    killSignal: 'SIGKILL',
    maxBuffer: 1 << 24,
    reject: false,
  })
  const told = parse(ended.stdio[3] as string)
  return entries.map(entry => {
    const file = relative(process.cwd(), onDisk(entry.source, roots))
    const lines = told.filter(({ module }) => module === entry.module)
    const result = lines.find(line => line.scenario ?? line.bug ?? line.problem ?? line.thrown)
    if (result === undefined) {
      throw new UsageError(`${file}: importing it ${howItEnded(ended)}; nothing was started`)
    }
    if (result.problem !== undefined) throw new UsageError(`${file}: ${result.problem}`)
    if (result.thrown !== undefined)
      throw new UsageError(
        `${place(result.thrown.stack, dir, roots) ?? file}: importing it fails: ${whatFailed(result.thrown.message, dir)}`,
      )
    return result
  })
}

/** The error's first line; what looks for files beside its own is told how they come along. */
function whatFailed(message: string, dir: string): string {
  const [line] = message.split('\n', 1)
  if (!line.includes(dir) && !/__(dirname|filename) is not defined/.test(line)) return line
  const shown = line.replaceAll(join(dir, '/'), '').replaceAll(dir, '.')
  return `${shown}: name files beside yours as new URL('./file', import.meta.url), in an ES module, and they come along`
}

function parse(text: string): Told[] {
  const lines: Told[] = []
  for (const line of text.split('\n')) {
    if (line === '') continue
    try {
      lines.push(JSON.parse(line))
    } catch {
      // A torn last line: the child died while it wrote. Its module counts as not described.
    }
  }
  return lines
}

interface Ended {
  readonly timedOut: boolean
  readonly exitCode?: number
  readonly signal?: string
  readonly stderr: string
}

function howItEnded({ timedOut, exitCode, signal, stderr }: Ended): string {
  if (timedOut || signal === 'SIGXCPU')
    return `takes more than ${CPU_LIMIT_S} s: is there an endless loop at top level?`
  if (/heap out of memory|Array buffer allocation failed|ENOMEM|bad_alloc/i.test(stderr)) return 'exhausts the memory'
  if (signal !== undefined) return `ends the process with ${signal}`
  return `ends the process with status ${exitCode}: does it call process.exit at top level?`
}

/** `file:line:col` of the first frame that lies in a source of the user. */
function place(stack: string, dir: string, roots: SourceRoots): string | undefined {
  const frames = stack.split('\n').flatMap(line => sourcePosition(line, dir) ?? [])
  const frame = frames.find(({ source }) => /^src\/(user|torture\/(lib|scenarios))\//.test(source))
  return frame && `${relative(process.cwd(), onDisk(frame.source, roots))}:${frame.position}`
}
