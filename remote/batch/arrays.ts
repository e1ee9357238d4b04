/** The arrays of a run: what was submitted, what its tasks are called, and where they meet us. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PlannedInstance } from '../../results/schema.ts'
import type { TaskArray } from '../carrier.ts'
import type { ArrayRecord } from './record.ts'
import type { Share } from './share.ts'
import { attemptsFolder, orderFile, ordersFolder } from './spool.ts'

/** Start of a guest, packing, and whatever else a node is slow at. */
const OVERHEAD_MS = 120_000

/** The longest that an instance takes, as guests are killed that take longer. */
const limitOf = ({ durationMs, hangAfterMs }: PlannedInstance): number =>
  OVERHEAD_MS + durationMs + 3 * hangAfterMs + (durationMs >> 3)

/** A task of ours: which one of which array, both as numbers, the first array is 1. */
export interface Place {
  readonly array: number
  readonly index: number
}

/** Names a task for the ledger. */
export const taskName = ({ array, index }: Place): string => `${array}.${index}`

export function placeOf(task: string): Place {
  const [array, index] = task.split('.').map(Number)
  return { array, index }
}

/** What an order is called: `vma-lock.2#1.7` is task 7 of the first array. */
export const orderId = (key: string, place: Place): string => `${key}#${taskName(place)}`

export interface Naming {
  /** Unique over all runs: names of arrays begin with it. */
  readonly key: string
  /** For people who look at the queue. */
  readonly comment: string
  readonly share: Share
}

/** An array as the batch system gets it. */
export function arrayOf(
  { key, comment, share }: Naming,
  { name, cpus, keys }: Pick<ArrayRecord, 'name' | 'cpus' | 'keys'>,
  instances: readonly PlannedInstance[],
): TaskArray {
  const folder = join(share.run, name.slice(key.length + 1))
  const limitMs = Math.max(...instances.map(limitOf))
  return { name, comment, folder, node: share.node, agent: share.agent, tasks: keys.length, cpus, limitMs }
}

export class Arrays {
  readonly #naming: Naming
  readonly #all: ArrayRecord[]
  readonly #save: (arrays: readonly ArrayRecord[]) => void

  /** @param save is given all arrays when something about them has changed */
  constructor(naming: Naming, earlier: readonly ArrayRecord[], save: (arrays: readonly ArrayRecord[]) => void) {
    this.#naming = naming
    this.#all = earlier.map(array => ({ ...array }))
    this.#save = save
  }

  /** Those of which something may come, by number. */
  get open(): [number, ArrayRecord][] {
    return this.#all.flatMap((array, n): [number, ArrayRecord][] => (array.over ? [] : [[n + 1, array]]))
  }

  get(number: number): ArrayRecord {
    return this.#all[number - 1]
  }

  folder(number: number): string {
    return join(this.#naming.share.run, String(number))
  }

  /** `17_3`, as the batch system calls it. */
  jobOf({ array, index }: Place): string {
    return `${this.get(array).id}_${index}`
  }

  /** Makes an array with its orders; it is to be submitted, and then `submitted`. */
  async make(cpus: number, tasks: ReadonlyMap<string, PlannedInstance>): Promise<[number, TaskArray]> {
    const number = this.#all.length + 1
    const folder = this.folder(number)
    await mkdir(attemptsFolder(folder), { recursive: true, mode: 0o700 })
    await mkdir(ordersFolder(folder), { recursive: true })
    for (const [index, [key, instance]] of [...tasks].entries()) {
      const order = { id: orderId(key, { array: number, index }), key, instance }
      await writeFile(orderFile(folder, index), JSON.stringify(order))
    }
    const record: ArrayRecord = { name: `${this.#naming.key}.${number}`, cpus, keys: [...tasks.keys()] }
    this.#all.push(record)
    this.#save(this.#all)
    return [number, arrayOf(this.#naming, record, [...tasks.values()])]
  }

  submitted(number: number, id: string): void {
    this.get(number).id = id
    this.#save(this.#all)
  }

  /** Nothing of it can come any more. */
  over(number: number): void {
    this.get(number).over = true
    this.#save(this.#all)
  }
}
