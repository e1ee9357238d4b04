/** Reads the numbers of the command line: durations, sizes, counts, seeds. Nothing is guessed, nothing is clamped. */
import { UsageError } from '../errors.ts'

const MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
/** A timer of Node cannot wait longer than 2^31 ms, which is 24.8 days. */
const LONGEST = 24 * MS.d

/** '500ms', '30s', '1.5m', '8h' → milliseconds. */
export function parseDuration(text: string, flag: string): number {
  const match = /^(\d{1,10}(?:\.\d{1,6})?)(ms|s|m|h|d)$/.exec(text)
  const ms = match === null ? Number.NaN : Math.round(Number(match[1]) * MS[match[2] as keyof typeof MS])
  if (Number.isNaN(ms))
    throw new UsageError(`${flag} ${text}: a duration is a number and a unit, such as 500ms, 30s, 5m, 8h`)
  if (ms < 1 || ms > LONGEST) throw new UsageError(`${flag} ${text}: a duration is between 1ms and 24d`)
  return ms
}

export function formatDuration(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    if (ms >= MS[unit] && (ms * 10) % MS[unit] === 0) return `${ms / MS[unit]}${unit}`
  }
  return `${ms}ms`
}

const SCALE = { '': 0, K: 1, M: 2, G: 3, T: 4 } as const

/** '2GiB', '512M', '0' → bytes; 0 means no limit. */
export function parseSize(text: string, flag: string, least: number): number {
  const match = /^(\d{1,15}(?:\.\d{1,6})?) ?(?:([KMGT]?)(?:i?B)?)$/i.exec(text)
  if (match === null)
    throw new UsageError(`${flag} ${text}: a size is a number and a unit, such as 512MiB or 2GiB; 0 is no limit`)
  const bytes = Math.round(Number(match[1]) * 1024 ** SCALE[match[2].toUpperCase() as keyof typeof SCALE])
  if (bytes !== 0 && bytes < least)
    throw new UsageError(`${flag} ${text}: below ${formatSize(least)} no guest can start`)
  if (bytes > 2 ** 50) throw new UsageError(`${flag} ${text}: more than 1024TiB; 0 is no limit`)
  return bytes
}

export function formatSize(bytes: number): string {
  for (const [unit, power] of [
    ['TiB', 4],
    ['GiB', 3],
    ['MiB', 2],
    ['KiB', 1],
  ] as const) {
    if (bytes >= 1024 ** power && bytes % 1024 ** power === 0) return `${bytes / 1024 ** power}${unit}`
  }
  return `${bytes}B`
}

/** A whole number within limits, both inclusive. */
export function parseCount(text: string, flag: string, most: number, least = 1): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= least && value <= most)) {
    throw new UsageError(`${flag} ${text}: a whole number between ${least} and ${most} is needed`)
  }
  return value
}

/** A seed is an unsigned 32-bit number: '42', '0xdeadbeef'. */
export function parseSeed(text: string, flag: string): number {
  const value = /^(\d{1,10}|0x[0-9a-f]{1,8})$/i.test(text) ? Number(text) : Number.NaN
  if (!(value >= 0 && value <= 0xffffffff)) {
    throw new UsageError(`${flag} ${text}: a seed is a number between 0 and 4294967295`)
  }
  return value
}

/** 'name=value' → [name, value]. */
export function parseAssignment(text: string, flag: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new UsageError(`${flag} ${text}: write ${flag} name=value`)
  return [text.slice(0, at), text.slice(at + 1)]
}
