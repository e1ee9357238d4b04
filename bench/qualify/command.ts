/** The built command, used as a user uses it: what is known of a run is what it wrote. */
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import type { Failure, InstanceResult, Plan, RunSummary } from '../../results/schema.ts'
import { packageRoot } from '../../torture/paths.ts'

export const command = join(packageRoot, 'dist/cli/cli.js')

export interface ListedBug {
  readonly id: string
  readonly scenarios: readonly string[]
  /** Oracles that may name it, separated by bars. */
  readonly oracle: string
  readonly hardness: 'E' | 'D' | 'X'
}

export interface Ended {
  readonly exitCode: number | undefined
  readonly instances: readonly {
    readonly planned: Plan['instances'][number]
    readonly result: InstanceResult
    readonly failures: readonly Failure[]
  }[]
  /** The last lines that it printed. */
  readonly said: string
}

export class Torture {
  readonly #folder: string

  /** @param folder for the results of its runs; bundles are kept from one to the next */
  constructor(folder: string) {
    this.#folder = folder
  }

  async list(what: 'bugs' | 'scenarios'): Promise<unknown> {
    const { stdout } = await execa(process.execPath, [command, 'list', what, '--json'])
    return JSON.parse(stdout)
  }

  /** Runs `torture run` with these arguments and reads its results, which are removed afterwards. */
  async run(args: readonly string[]): Promise<Ended> {
    const all = ['run', ...args, '--bridge', '0', '--reporter', 'plain', '--results', this.#folder]
    // Whoever interrupts us interrupts the run too; its guests end with it.
    const ended = await execa(process.execPath, [command, ...all], { reject: false, all: true, cleanup: true })
    const said = (ended.all ?? '').split('\n').slice(-12).join('\n')
    const [run] = readdirSync(this.#folder).filter(name => name !== 'bundles')
    if (run === undefined) return { exitCode: ended.exitCode, instances: [], said }
    const dir = join(this.#folder, run)
    const read = <T>(...path: string[]) => JSON.parse(readFileSync(join(dir, ...path), 'utf8')) as T
    try {
      const plan = read<Plan>('plan.json')
      const summary = read<RunSummary>('run.json')
      const instances = summary.instances.map(({ name }) => {
        const result = read<InstanceResult>(name, 'verdict.json')
        return {
          planned: plan.instances.find(planned => planned.name === name)!,
          result,
          failures: result.failures.map(({ path }) => read<Failure>(path, 'failure.json')),
        }
      })
      return { exitCode: ended.exitCode, instances, said }
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  }
}

export const listBugs = async (torture: Torture) => (await torture.list('bugs')) as readonly ListedBug[]

/** Those that patterns select: not the ones that are wrong on purpose. */
export async function listScenarios(torture: Torture): Promise<readonly string[]> {
  const all = (await torture.list('scenarios')) as readonly { name: string; tags: readonly string[] }[]
  return all.filter(({ tags }) => !(tags.length === 1 && tags[0] === 'bad')).map(({ name }) => name)
}
