/** Little programs for total store order, of operations in every order that `Atomics` can be told. */
import type { SharedRandom } from '../../torture/explore/schedule/random.ts'
import type { Subject } from './recorded.ts'

type Order = 'full' | 'relaxed' | 'acquire' | 'release'
export interface Step {
  readonly text: string
  readonly run: (w: Int32Array) => unknown
}

export const [X, Y] = [0, 1]
const said = (order: Order) => (order === 'full' ? undefined : order)
const step = (text: string, order: Order, run: Step['run']): Step => ({ text: `${text} ${order}`, run })
export const load = (cell: number, order: Order): Step =>
  step(`load ${cell}`, order, w => Atomics.load(w, cell, said(order)))
export const store = (cell: number, value: number, order: Order): Step =>
  step(`store ${cell} ${value}`, order, w => Atomics.store(w, cell, value, said(order)))
export const add = (cell: number, order: Order): Step =>
  step(`add ${cell}`, order, w => Atomics.add(w, cell, 1, said(order)))
const cas = (cell: number, from: number, to: number, order: Order): Step =>
  step(`cas ${cell} ${from} ${to}`, order, w => Atomics.compareExchange(w, cell, from, to, said(order)))
const wait = (cell: number, value: number): Step =>
  step(`wait ${cell} ${value}`, 'full', w => Atomics.wait(w, cell, value)[0])
const notify = (cell: number): Step => step(`notify ${cell}`, 'full', w => Atomics.notify(w, cell))
export const loop = (cell: number, value: number, order: Order): Step =>
  step(`until ${cell} is ${value}`, order, w => {
    while (Atomics.load(w, cell, said(order)) !== value);
    return ''
  })

export function programOf(threads: readonly (readonly Step[])[]): Subject & { readonly text: string } {
  const w = new Int32Array(new SharedArrayBuffer(8))
  return {
    text: threads.map(all => all.map(({ text }) => text).join('; ')).join(' | '),
    bodies: threads.map(all => () => all.map(({ run }) => run(w)).join('')),
    cells: [w.subarray(0, 1), w.subarray(1, 2)],
    outcome: returned => `${returned.join(' ')} ${w.join('')}`,
  }
}

export const pick = <T>(random: SharedRandom, from: readonly T[]): T => from[random.below(from.length)]
/** Of loads and stores two in three are marked. */
const ORDERS: readonly Order[] = ['full', 'relaxed', 'acquire', 'release', 'relaxed', 'relaxed']

export function operation(random: SharedRandom, { waits }: { readonly waits: boolean }): Step {
  const cell = random.below(2)
  const order = pick(random, ORDERS)
  const value = 1 + random.below(2)
  const kinds = [
    () => load(cell, order === 'release' ? 'acquire' : order),
    () => store(cell, value, order === 'acquire' ? 'release' : order),
    () => store(cell, value, 'relaxed'),
    () => pick(random, [add(cell, order), cas(cell, 0, value, order)]),
    ...(waits ? [() => pick(random, [wait(cell, 0), notify(cell)])] : []),
  ]
  return pick(random, kinds)()
}

export const finished = (outcomes: Iterable<string>): string[] =>
  [...outcomes].filter(it => !it.startsWith('ending')).sort()

export const generate = (random: SharedRandom, lengths: readonly number[], waits: boolean) =>
  programOf(lengths.map(length => Array.from({ length }, () => operation(random, { waits }))))

/** A multiple of the programs, to look further. */
export const TIMES = Number(process.env.TSO_TIMES ?? 1)
