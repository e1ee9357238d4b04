/** Slurm as a batch system: sbatch, squeue, scancel, and sinfo to begin with. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { type BatchLimits, BatchProblem, type BatchSystem, type TaskArray, type TaskReport } from '../carrier.ts'
import { isRefusal, parseSubmitted, partitionOf, sbatchArgs } from './sbatch.ts'
import { SCRIPT } from './script.ts'
import { type Listed, parseQueue, reportsOf } from './squeue.ts'

/** A controller that is restarting is waited for by Slurm's own programs, for about so long. */
const PATIENCE_MS = 60_000
/** All jobs of a large cluster: 2 kB each. */
const LONGEST_ANSWER = 512 << 20
const DEFAULT_ARRAY = 1001
/** Letters of a command line that name tasks. */
const LONGEST_LIST = 50_000

export class Slurm implements BatchSystem {
  readonly name = 'slurm'
  readonly #options: readonly string[]

  /** @param options of the user's for sbatch, checked */
  constructor(options: readonly string[]) {
    this.#options = options
  }

  async limits(): Promise<BatchLimits> {
    const partition = partitionOf(this.#options, process.env)
    const [nodes, config] = await Promise.all([
      ask('sinfo', [
        '--Node',
        '--noheader',
        '--format=%N|%c|%P',
        ...(partition === undefined ? [] : ['-p', partition]),
      ]),
      ask('scontrol', ['show', 'config']),
    ])
    const rows = parseNodes(nodes)
    const usable = partition === undefined && rows.some(row => row.isDefault) ? rows.filter(row => row.isDefault) : rows
    if (usable.length === 0) {
      const what =
        partition === undefined ? 'there are no nodes' : `there is no partition ${partition} with nodes in it`
      throw new BatchProblem(partition === undefined ? 3 : 2, `Slurm says that ${what}: see sinfo`)
    }
    return {
      cpus: Math.max(...usable.map(({ cpus }) => cpus)),
      tasks: Number(/^MaxArraySize\s*=\s*(\d+)/m.exec(config)?.[1] ?? DEFAULT_ARRAY),
      nodes: new Map(usable.map(({ node, cpus }) => [node, cpus])),
    }
  }

  async check(array: TaskArray): Promise<void> {
    await this.#sbatch(array, ['--test-only'])
  }

  async submit(array: TaskArray): Promise<string> {
    return parseSubmitted(await this.#sbatch(array, []))
  }

  async find(name: string): Promise<string | undefined> {
    return (await this.#queue([`--name=${name}`])).find(job => job.name === name)?.array
  }

  async look(arrays: ReadonlyMap<string, number>): Promise<readonly TaskReport[]> {
    if (arrays.size === 0) return []
    return reportsOf(await this.#queue([`--jobs=${[...arrays.keys()].join(',')}`]), arrays)
  }

  async cancel(array: string, indexes?: readonly number[]): Promise<void> {
    if (indexes === undefined) return void (await ask('scancel', ['--quiet', array]))
    for (let rest = indexes; rest.length > 0; ) {
      const part = rest.slice(0, LONGEST_LIST / 8)
      rest = rest.slice(part.length)
      await ask('scancel', ['--quiet', `${array}_[${part.join(',')}]`])
    }
  }

  /** Versions before 23.02 list all jobs, whatever they are asked for. */
  async #queue(filter: readonly string[]): Promise<Listed[]> {
    let text: string
    try {
      text = await ask('squeue', ['--json', '--states=all', ...filter])
    } catch (error) {
      // None of them is known any more.
      if (/invalid job id/i.test((error as Error).message)) return []
      throw error
    }
    try {
      return parseQueue(text)
    } catch (error) {
      throw new BatchProblem(3, 'squeue --json says nothing that torture understands: Slurm 21.08 or later is needed', {
        cause: error,
      })
    }
  }

  /** The script is read at once, and kept by Slurm. */
  async #sbatch(array: TaskArray, more: readonly string[]): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), 'torture-slurm-'))
    try {
      const script = join(folder, 'task.sh')
      writeFileSync(script, SCRIPT)
      return await ask('sbatch', sbatchArgs(array, script, [...this.#options, ...more]), this.#options.length > 0)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

interface NodeRow {
  readonly node: string
  readonly cpus: number
  readonly isDefault: boolean
}

/** Lines of `sinfo --Node --noheader --format=%N|%c|%P`. */
export function parseNodes(text: string): NodeRow[] {
  return text.split('\n').flatMap(line => {
    const [, node, cpus, partition] = /^([^|]+)\|(\d+)\+?\|(.*)$/.exec(line.trim()) ?? []
    return node === undefined ? [] : [{ node, cpus: Number(cpus), isDefault: partition.trim().endsWith('*') }]
  })
}

/**
 * Starts one of Slurm's programs, without a shell.
 * @param chosen whether the user's own options are among the arguments: what is wrong may be those
 * @throws {BatchProblem} with what it said
 */
async function ask(program: string, args: readonly string[], chosen = false): Promise<string> {
  const { stdout, stderr, failed, code, timedOut } = await execa(program, args, {
    reject: false,
    stdin: 'ignore',
    timeout: PATIENCE_MS,
    maxBuffer: LONGEST_ANSWER,
    // A terminal sends its SIGINT to the whole group: only the driver is to hear it.
    detached: true,
    env: { SLURM_TIME_FORMAT: undefined, SQUEUE_FORMAT: undefined, SQUEUE_STATES: undefined, SINFO_FORMAT: undefined },
  })
  if (!failed) return stdout
  if (code === 'ENOENT') {
    throw new BatchProblem(
      3,
      `there is no ${program} here: --via slurm wants Slurm's own programs, on a machine that may submit jobs`,
    )
  }
  if (timedOut)
    throw new BatchProblem(3, `${program} has not answered for ${PATIENCE_MS / 1000} s: is slurmctld running?`)
  const said = lastWords(stderr) || lastWords(stdout) || 'nothing'
  const refused = isRefusal(said)
  const advice = refused && chosen ? ': see --slurm-option' : ''
  throw new BatchProblem(refused && chosen ? 2 : 3, `${program} says: ${said}${advice}`)
}

/** What is wrong, of a few lines of which some only repeat it or say how to get help. */
function lastWords(text: string): string {
  const lines = text.split('\n').map(line => line.replace(/^\w+: (error: )?/, '').trim())
  return lines
    .filter(line => line !== '' && !/^Try |--help/.test(line))
    .join('; ')
    .slice(0, 400)
}
