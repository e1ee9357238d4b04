/** Numbers and lines for people. */
import { relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

/** Stands between what a failure's message says and what it shows for it: the same failure may be shown by many histories. */
export const EXHIBIT = ' ┆ '

/** `982`, `13.1 k`, `1.31 M`: three digits and the unit. */
export function human(n: number): string {
  if (!Number.isFinite(n)) return '–'
  if (n === 0) return '0'
  for (const [unit, name] of UNITS) if (Math.abs(n) >= unit * 0.9995) return `${threeDigits(n / unit)} ${name}`
  return Number.isInteger(n) ? String(n) : threeDigits(n)
}

const UNITS = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const

function threeDigits(n: number): string {
  const size = Math.abs(n)
  if (size >= 99.95) return n.toFixed(0)
  if (size >= 9.995) return n.toFixed(1)
  if (size >= 0.01) return n.toFixed(2)
  return n.toPrecision(2)
}

/** `0.42%`, `37.5%`, `<0.01%`. */
export function percent(share: number): string {
  if (share === 0) return '0%'
  if (share > 0 && share < 0.0001) return '<0.01%'
  if (share < 1 && share > 0.9999) return '>99.99%'
  return `${threeDigits(share * 100)}%`
}

/** `850 ms`, `9.8 s`, `2 m 05 s`, `1 h 03 m`. */
export function duration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  const two = (n: number) => String(n).padStart(2, '0')
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${two(seconds % 60)} s`
  return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} m`
}

/** `0:09`, `12:30`, `8:00:00`: for a clock that ticks. */
export function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  const two = (n: number) => String(n).padStart(2, '0')
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60]
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** As `--duration` takes it: `10s`, `5m`, `8h`. */
export function durationFlag(ms: number): string {
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000}h`
  if (ms % 60_000 === 0) return `${ms / 60_000}m`
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`
}

/** `1 failure`, `3 failures`, `2 near misses`. */
export function plural(n: number, word: string): string {
  return `${human(n)} ${n === 1 ? word : word.endsWith('s') ? `${word}es` : `${word}s`}`
}

export function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}

/** What a text takes on a terminal: without its colours. */
export function width(text: string): number {
  return stripVTControlCharacters(text).length
}

/** Cuts to `columns`, with an ellipsis; colours of a cut text are dropped. */
export function fit(text: string, columns: number): string {
  if (width(text) <= columns) return text
  return `${stripVTControlCharacters(text).slice(0, Math.max(columns - 1, 0))}…`
}

/** Breaks at blanks into lines of at most `columns`; a word that is longer stays whole: it may be a path to copy. */
export function wrap(text: string, columns: number): string[] {
  const lines = ['']
  for (const word of text.split(' ')) {
    const last = lines[lines.length - 1]
    if (last === '') lines[lines.length - 1] = word
    else if (last.length + 1 + word.length <= columns) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

/** One line, printable, whatever a scenario or a console said. */
export function oneLine(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
}

/** Letters of a message that a console shows: more would bury the rest. */
const MOST_LETTERS = 500

/**
 * A message on one line of a console. A longer one is cut, and says so.
 * @param failure whose file has all of it: `a.1/failures/1`
 */
export function shortened(message: string, failure?: string): string {
  const line = oneLine(message)
  if (line.length <= MOST_LETTERS) return line
  const where = failure === undefined ? '' : ` in ${failure}/failure.json`
  return `${line.slice(0, MOST_LETTERS)}… (${human(line.length - MOST_LETTERS)} letters more${where})`
}

/** A path as the user would type it: relative, unless that climbs out of the working directory. */
export function shownPath(path: string): string {
  const short = relative(process.cwd(), path)
  if (short === '') return '.'
  return short.startsWith('..') ? path : short
}

/** `queue.ts:41:12`: the place in a file, which is shown as a path is. */
export function shownPlace(place: string): string {
  const [, path, position] = /^(.*?)((?::\d+){0,2})$/s.exec(place)!
  return shownPath(path) + position
}

/** `982 B`, `13.1 kB`, `1.31 MB`. */
export function formatBytes(bytes: number): string {
  const text = human(bytes)
  return /\d$/.test(text) ? `${text} B` : `${text}B`
}
