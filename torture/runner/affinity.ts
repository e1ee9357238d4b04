/** Which CPU a guest of the explorer runs on: handing a turn over is ten times cheaper where nobody has to be woken. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { allowedCpus } from '../guest/watch/proc.ts'

const TASKSET = ['/usr/bin/taskset', '/bin/taskset']
const CHRT = ['/usr/bin/chrt', '/bin/chrt']
const BATCH = ['-b', '0']

/**
 * The words in front of a command that keep it on one CPU; none where there is no `taskset`. Where it can be had, its
 * threads are of the batch class: one that is woken then runs when the one that woke it goes to sleep, and not at once,
 * to wait for a lock that the other still holds. That halves the context switches of a turn that is handed over.
 */
export function pinnedTo(cpu: number | undefined): string[] {
  const taskset = TASKSET.find(path => existsSync(path))
  return cpu === undefined || taskset === undefined ? [] : [taskset, '-c', String(cpu), ...batched()]
}

let known: readonly string[] | undefined

/** Containers may have the command and forbid what it does. */
function batched(): readonly string[] {
  if (known === undefined) {
    const chrt = CHRT.find(path => existsSync(path))
    const works = chrt !== undefined && spawnSync(chrt, [...BATCH, 'true'], { stdio: 'ignore' }).status === 0
    known = works ? [chrt, ...BATCH] : []
  }
  return known
}

/** The CPUs that this process may use, lent to guests: always one of those that the fewest have. */
export class CpuPool {
  readonly #lent: Map<number, number>

  /** Two runs that start at the same time should not both begin with the first CPU. */
  constructor(cpus: readonly number[] = allowedCpus(), first: number = process.pid) {
    const turned = cpus.map((_, n) => cpus[(n + first) % cpus.length])
    this.#lent = new Map(turned.map(cpu => [cpu, 0]))
  }

  /** Undefined where it is not known which CPUs there are. */
  take(): number | undefined {
    const least = Math.min(...this.#lent.values())
    const cpu = [...this.#lent.keys()].find(one => this.#lent.get(one) === least)
    if (cpu !== undefined) this.#lent.set(cpu, least + 1)
    return cpu
  }

  giveBack(cpu: number | undefined): void {
    if (cpu !== undefined) this.#lent.set(cpu, this.#lent.get(cpu)! - 1)
  }
}
