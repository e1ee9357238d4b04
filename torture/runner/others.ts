/** How busy other processes keep the machine: ratios of things that take turns survive it, their intervals widen. */
import { readFileSync } from 'node:fs'

/** All in ticks of /proc. */
interface Times {
  /** All CPUs together. */
  readonly all: number
  readonly idle: number
  /** Of this process and its children that have ended. */
  readonly own: number
}

/** Starts to watch; what is returned says which share of the CPUs others took since, or undefined without /proc. */
export function watchOthers(): () => number | undefined {
  const before = times()
  return () => {
    const after = times()
    if (before === undefined || after === undefined) return undefined
    const busy = after.all - before.all - (after.idle - before.idle)
    return Math.max(0, busy - (after.own - before.own)) / (after.all - before.all)
  }
}

/** CPU time of the children that have ended. */
export const childrenCpuMs = (): number =>
  MS_PER_TICK *
  ownTicks()
    .slice(2)
    .reduce((a, b) => a + b, 0)

/** Of /proc on every architecture that Node runs on. */
const MS_PER_TICK = 10

/** User and system time of this process, and of its children that have ended. */
function ownTicks(): number[] {
  const stat = readFileSync('/proc/self/stat', 'utf8')
  return stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 15)
    .map(Number)
}

function times(): Times | undefined {
  try {
    const [, ...fields] = readFileSync('/proc/stat', 'utf8').split('\n')[0].split(/\s+/)
    // user nice system idle iowait irq softirq steal; what follows is in user already.
    const ticks = fields.slice(0, 8).map(Number)
    const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0)
    return { all: sum(ticks), idle: ticks[3] + ticks[4], own: sum(ownTicks()) }
  } catch {
    // Not Linux.
    return undefined
  }
}
