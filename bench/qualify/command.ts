/** The built command, used as a user uses it: what is known of a run is what it wrote. */
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import type { InstanceResult, RunSummary } from '../../results/schema.ts'
import type { BugRow } from '../../results/trials.ts'
import { packageRoot } from '../../torture/paths.ts'

export const command = join(packageRoot, 'dist/cli/cli.js')

/** So many of the tries of a bug have a control: a qualification takes hours as it is. */
export const CONTROLS = 5

export interface ListedBug {
  readonly id: string
  readonly hardness: 'E' | 'D' | 'X'
}

export interface Ended {
  readonly exitCode: number | undefined
  readonly results: readonly InstanceResult[]
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

  /** Tries one bug so many times; its row of the table, or what was said instead. */
  async bugs(id: string, times: number): Promise<BugRow | string> {
    const counts = ['--times', String(times), '--controls', String(Math.min(times, CONTROLS))]
    const args = ['bugs', id, ...counts, '--seed', '1', '--json', '--results', this.#folder]
    const ended = await execa(process.execPath, [command, ...args], { reject: false, cleanup: true })
    this.#forget()
    try {
      return (JSON.parse(ended.stdout) as BugRow[])[0]
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      return ended.stderr
    }
  }

  /** Runs `torture run` with these arguments and reads its results, which are removed afterwards. */
  async run(args: readonly string[]): Promise<Ended> {
    const all = ['run', ...args, '--bridge', '0', '--reporter', 'plain', '--results', this.#folder]
    // Whoever interrupts us interrupts the run too; its guests end with it.
    const ended = await execa(process.execPath, [command, ...all], { reject: false, all: true, cleanup: true })
    const said = (ended.all ?? '').split('\n').slice(-12).join('\n')
    try {
      return { exitCode: ended.exitCode, results: this.#read(), said }
    } finally {
      this.#forget()
    }
  }

  /** Of the one run that is there. */
  #read(): InstanceResult[] {
    return this.#runs().flatMap(dir => {
      const read = <T>(...path: string[]) => JSON.parse(readFileSync(join(dir, ...path), 'utf8')) as T
      return read<RunSummary>('run.json').instances.map(({ name }) => read<InstanceResult>(name, 'verdict.json'))
    })
  }

  #forget(): void {
    for (const dir of this.#runs()) rmSync(dir, { recursive: true, force: true })
  }

  #runs(): string[] {
    const names = readdirSync(this.#folder).filter(name => name !== 'bundles')
    return names.map(name => join(this.#folder, name))
  }
}

export const listBugs = async (torture: Torture) => (await torture.list('bugs')) as readonly ListedBug[]

/** Those that patterns select: not the ones that are wrong on purpose. */
export async function listScenarios(torture: Torture): Promise<readonly string[]> {
  const all = (await torture.list('scenarios')) as readonly { name: string; tags: readonly string[] }[]
  return all.filter(({ tags }) => !(tags.length === 1 && tags[0] === 'bad')).map(({ name }) => name)
}
