/** The hosts of a fleet in the live view: how they are, what each has to do, how fast, how many failures. */
import { human, oneLine, plural, sum } from '../format.ts'
import type { InstanceResult } from '../schema.ts'
import type { Palette } from './palette.ts'
import { currentRate, type Progress, type Running } from './progress.ts'
import type { HostStatus } from './reporter.ts'

/** @param most lines; those in trouble come first */
export function hostsView(progress: Progress, most: number, paint: Palette): string[] {
  const hosts = [...progress.hosts.values()]
  if (hosts.length === 0) return []
  const troubled = ({ state }: HostStatus) => state === 'away' || state === 'gone'
  const listed = [...hosts.filter(troubled), ...hosts.filter(host => !troubled(host))]
  const width = Math.min(24, Math.max(...hosts.map(({ name }) => name.length)))
  const shown = listed.length > most ? listed.slice(0, most - 1) : listed
  const lines = shown.map(host => hostLine(host, progress, width, paint))
  const rest = listed.slice(shown.length)
  if (rest.length > 0) lines.push(paint('gray', `  and ${rest.length} more hosts: ${statesOf(rest)}`))
  return lines
}

/** `60 up, 2 away` */
function statesOf(hosts: readonly HostStatus[]): string {
  const states = new Map<string, number>()
  for (const { state } of hosts) states.set(state, (states.get(state) ?? 0) + 1)
  return [...states].map(([state, n]) => `${n} ${state}`).join(', ')
}

function hostLine(host: HostStatus, progress: Progress, width: number, paint: Palette): string {
  const { name, state, cpus, used, problem } = host
  const failures = failuresOn(name, progress)
  const tally = failures > 0 ? paint('red', plural(failures, 'failure')) : paint('gray', '0 failures')
  const head = `  ${paint('bold', name.padEnd(width))}  `
  if (state !== 'up') {
    const why = problem === undefined ? '' : `: ${oneLine(problem)}`
    return head + paint(problem === undefined ? 'gray' : 'yellow', `${state}${why}`)
  }
  const here = [...progress.running.values()].filter(running => running.host === name)
  return `${head}${used}/${plural(cpus, 'CPU')}  ${here.length} at work  ${rateOf(here)}${tally}`
}

/** What its guests do together, where it is the same that they do. */
function rateOf(running: readonly Running[]): string {
  const rates = running.flatMap(one => currentRate(one) ?? [])
  const names = new Set(rates.map(({ name }) => name))
  return names.size === 1 ? `${human(sum(rates.map(({ perSecond }) => perSecond)))} ${[...names][0]}/s  ` : ''
}

const FAILED: readonly InstanceResult['verdict'][] = ['fail', 'hang', 'crash']

function failuresOn(name: string, { results, running }: Progress): number {
  const ended = [...results.values()].filter(({ host, verdict }) => host === name && FAILED.includes(verdict)).length
  return ended + sum([...running.values()].filter(({ host }) => host === name).map(({ failures }) => failures))
}
