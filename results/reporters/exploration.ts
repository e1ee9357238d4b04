/** What a search was worth, in the closing summary: never a bare "passed". */
import { human, oneLine, plural, sum } from '../format.ts'
import type { Exploration, InstanceResult } from '../schema.ts'
import { type Look, labelled } from './labelled.ts'

/** The lines of guests that searched the same scenario side by side. */
export function explorationLines(results: readonly InstanceResult[], look: Look): string[] {
  const searches = results.flatMap(({ exploration }) => exploration ?? [])
  if (searches.length === 0) return []
  const clean = results.every(({ verdict }) => verdict === 'pass' || verdict === 'skipped')
  const add = (label: string, text: string) => (text === '' ? [] : labelled(label, text, look))
  return [
    ...add('tried', triedText(searches)),
    ...add('proof', proofText(searches)),
    ...(clean ? add('worth', worthText(searches)) : []),
    ...(clean ? add('new', newText(searches)) : []),
    ...add('focus', focusText(searches)),
    ...add('cut off', cutOffText(searches)),
    ...add('loose', looseText(searches)),
  ]
}

/** What stands in the place of "passed": it would say too much. */
export function cleanText(results: readonly InstanceResult[]): string {
  const certified = results.some(({ exploration }) => exploration?.certificate !== undefined)
  const executions = plural(sum(results.map(({ rounds }) => rounds)), 'execution')
  return certified ? `nothing found, and nothing left to explore within the bounds` : `nothing found in ${executions}`
}

/** `random 3.10 k, pct 3.05 k · longest 41 steps, 33 of them choices`. */
function triedText(searches: readonly Exploration[]): string {
  const counts = new Map<string, number>()
  for (const { name, executions } of searches.flatMap(({ strategies }) => strategies)) {
    counts.set(name, (counts.get(name) ?? 0) + executions)
  }
  const strategies = [...counts].map(([name, n]) => `${name} ${human(n)}`).join(', ')
  const longest = searches.reduce((a, b) => (b.longest > a.longest ? b : a))
  const steps = `longest ${plural(longest.longest, 'step')}, ${human(longest.choices)} of them choices`
  return [strategies, plural(longest.threads, 'thread'), steps].filter(text => text !== '').join(' · ')
}

/** Why there is none is of interest only where nothing else says that something is wrong. */
function proofText(searches: readonly Exploration[]): string {
  const proofs = distinct(searches.flatMap(({ certificate }) => certificate ?? []))
  const isClean = ({ strategies, uncontrolled }: Exploration) =>
    uncontrolled.length === 0 && strategies.every(({ failures }) => failures === 0)
  const [doubt] = searches.filter(isClean).flatMap(({ unproved }) => unproved ?? [])
  return proofs !== '' || doubt === undefined ? proofs : `none, although nothing was left to explore: ${oneLine(doubt)}`
}

/** The guest that did most speaks for all: together they exclude no less. */
function worthText(searches: readonly Exploration[]): string {
  const { excluded } = mostOf(searches)
  if (searches.some(({ certificate }) => certificate !== undefined)) return ''
  if (excluded.length > 0) return excluded.map(oneLine).join('; ')
  return `no failure in ${plural(sum(searches.map(({ executions }) => executions)), 'execution')}: nothing is excluded`
}

function newText(searches: readonly Exploration[]): string {
  if (searches.some(({ certificate }) => certificate !== undefined)) return ''
  const { newPerThousand } = mostOf(searches)
  if (newPerThousand === 0) return 'none of the last executions was unlike all before it'
  return `about ${human(newPerThousand)} of a thousand executions at the end were unlike all before them`
}

const mostOf = (searches: readonly Exploration[]) => searches.reduce((a, b) => (b.executions > a.executions ? b : a))

const MOST_CELLS = 8

function focusText(searches: readonly Exploration[]): string {
  const { focus } = mostOf(searches)
  const cells = focus.filter(cell => !MORE.test(cell)).map(oneLine)
  if (cells.length === 1 && cells[0] === 'all') return ''
  const left = sum(focus.map(cell => Number(MORE.exec(cell)?.[1] ?? 0))) + cells.length - MOST_CELLS
  return `${cells.slice(0, MOST_CELLS).join(', ')}${left > 0 ? ` and ${plural(left, 'further cell')}` : ''}`
}

/** How a guest ends a list that is too long to be stored. */
const MORE = /^and (\d+) more$/

function cutOffText(searches: readonly Exploration[]): string {
  const n = sum(searches.map(({ cutOff }) => cutOff))
  return n === 0 ? '' : `${plural(n, 'execution')} given up at the limit of steps`
}

/** One example is enough to look for the cause: what was loose shows in many ways. */
function looseText(searches: readonly Exploration[]): string {
  const all = [...new Set(searches.flatMap(({ uncontrolled }) => uncontrolled))]
  return all.length < 2 ? distinct(all) : `${oneLine(all[0])}; and in ${plural(all.length - 1, 'further way')}`
}

const distinct = (texts: readonly string[]) => [...new Set(texts.map(oneLine))].join('; ')
