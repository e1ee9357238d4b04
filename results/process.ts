/** Tells a live runner from a dead one: a process id alone may have been given to somebody else. */
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import type { RunSummary } from './schema.ts'

export type Runner = RunSummary['runner']

/** When a process started, in clock ticks since boot; undefined where there is no such process or no /proc. */
export function startTicks(pid: number): number | undefined {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch {
    // No such process, or no /proc: both are an answer.
    return undefined
  }
  // The name, in parentheses, may hold blanks and parentheses itself; field 22 is the 20th after it.
  const ticks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19])
  return Number.isSafeInteger(ticks) ? ticks : undefined
}

export function thisRunner(): Runner {
  const ticks = startTicks(process.pid)
  return { pid: process.pid, host: hostname(), ...(ticks !== undefined && { startTicks: ticks }) }
}

/**
 * Whether the runner of a run lives. `elsewhere`: it ran on another machine, whose processes cannot be asked.
 */
export function runnerState(runner: Runner): 'alive' | 'dead' | 'elsewhere' {
  if (runner.host !== hostname()) return 'elsewhere'
  if (runner.startTicks !== undefined) return startTicks(runner.pid) === runner.startTicks ? 'alive' : 'dead'
  try {
    process.kill(runner.pid, 0)
    return 'alive'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? 'alive' : 'dead'
  }
}
