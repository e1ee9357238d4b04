/**
 * Recorded calls in a traced execution: their names and results as texts, and between which steps of their threads they
 * lie. What a history is judged by is recorded elsewhere; this is for people.
 */
import type { Context } from '../../guest/rounds/participant.ts'
import type { Returned } from '../../scenario.ts'
import type { Board } from '../schedule/board.ts'

export interface Called {
  readonly thread: number
  /** `push(3)` */
  readonly call: string
  /** Steps that the thread had made when it began. */
  readonly from: number
  /** And when it had ended; left out: it never did. */
  to?: number
  /** `push → 1` */
  returned?: string
}

/** A line of an interleaving beside its steps; one that begins and ends has no step of its own. */
export interface CallEvent {
  readonly begins?: string
  readonly ends?: string
}

export interface CallsAt {
  readonly before: CallEvent[]
  readonly after: CallEvent[]
}

type Recording = Pick<Context, 'call' | 'ret'>

/** The same recorder, which notes what it is told in `log` as long as there is one. */
export function noting({ call, ret }: Recording, log: () => Called[] | undefined, steps: () => number, thread: number) {
  return {
    call: (operation: string, ...args: (number | undefined)[]): void => {
      const given = args.filter(arg => arg !== undefined)
      log()?.push({ thread, call: `${operation}(${given.join(', ')})`, from: steps() })
      call(operation, ...args)
    },
    ret: <R extends Returned>(returned?: R): R => {
      const last = log()?.at(-1)
      if (last !== undefined && last.to === undefined) {
        last.to = steps()
        last.returned = `${last.call.slice(0, last.call.indexOf('('))}${textOf(returned)}`
      }
      return ret(returned)
    },
  }
}

const textOf = (returned: Returned): string => {
  if (returned === undefined) return ''
  return ` → ${typeof returned === 'object' ? `[${returned.join(', ')}]` : returned}`
}

/** By step of the execution, which calls begin right before it and end right after it. */
export function callsByStep(board: Board, calls: readonly Called[]): Map<number, CallsAt> {
  const own = Array.from({ length: board.threads }, () => [] as number[])
  for (let step = 0; step < board.steps; step++) own[board.actorAt(step)]?.push(step)
  const found = new Map<number, CallsAt>()
  const at = (step: number): CallsAt => {
    const known = found.get(step) ?? { before: [], after: [] }
    found.set(step, known)
    return known
  }
  for (const { thread, call, from, to, returned } of calls) {
    const first = own[thread][from]
    const end = { ...(returned !== undefined && { ends: returned }) }
    if (from !== to) {
      if (first !== undefined) at(first).before.push({ begins: call })
      if (to !== undefined) at(own[thread][to - 1]).after.push(end)
    } else if (first !== undefined) at(first).before.push({ begins: call, ...end })
    else at(own[thread][from - 1]).after.push({ begins: call, ...end })
  }
  return found
}
