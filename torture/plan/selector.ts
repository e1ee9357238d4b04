/** Which scenarios a run is about: `vma-lock`, `3*vma-lock`, 'lockless-*', `tag:mm`, `./ring.torture.ts`. */
import { UsageError } from '../errors.ts'
import { hint } from './nearest.ts'
import { parseCount } from './quantities.ts'

export interface Selector {
  readonly text: string
  /** How many instances of each scenario that it selects: 1 unless it says so. */
  readonly times: number
  /** Whether it says so. */
  readonly counted: boolean
  readonly kind: 'name' | 'pattern' | 'tag' | 'path'
  readonly value: string
}

interface Selectable {
  readonly name: string
  readonly tags: readonly string[]
}

export interface Selected<S> {
  readonly scenario: S
  readonly times: number
  /** Whether the user said how many: `3*vma-lock`. */
  readonly counted?: boolean
  /** Absolute path of the user's scenario file; none for a built-in scenario. */
  readonly file?: string
}

const MOST_TIMES = 1000

/**
 * Reads selectors; each text may hold several, separated by commas.
 * @param isFile of the commas of a path that is one, none separates
 */
export function parseSelectors(texts: readonly string[], isFile: (path: string) => boolean = () => false): Selector[] {
  return texts.flatMap(text => split(text.split(','), isFile)).map(parseSelector)
}

function split(parts: readonly string[], isFile: (path: string) => boolean): string[] {
  const texts: string[] = []
  for (let from = 0, to: number; from < parts.length; from = to) {
    const upTo = (end: number) => parts.slice(from, end).join(',').trim()
    to = parts.length
    while (to > from + 1 && !isPathOf(upTo(to), isFile)) to--
    texts.push(upTo(to))
  }
  return texts
}

function isPathOf(text: string, isFile: (path: string) => boolean): boolean {
  const { kind, value } = classify(partsOf(text).value)
  return kind === 'path' && isFile(value)
}

/** '3*vma-lock' has a count. */
function partsOf(text: string): { readonly count: string | undefined; readonly value: string } {
  const [, count, value] = /^(?:([-+]?[\d.]+)\*(?=.))?(.*)$/s.exec(text)!
  return { count, value }
}

function parseSelector(text: string): Selector {
  const { count, value } = partsOf(text)
  const times = count === undefined ? 1 : parseCount(count, `the count in '${text}':`, MOST_TIMES)
  if (value === '') throw new UsageError('an empty selector: name a scenario, or see torture list scenarios')
  return { text, times, counted: count !== undefined, ...classify(value) }
}

function classify(value: string): Pick<Selector, 'kind' | 'value'> {
  if (/[/\\]|\.[cm]?[jt]s$/.test(value)) return { kind: 'path', value }
  if (value.startsWith('tag:')) return { kind: 'tag', value: value.slice(4) }
  return { kind: /[*?]/.test(value) ? 'pattern' : 'name', value }
}

export function globToRegExp(glob: string): RegExp {
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`)
}

/** A deliberately wrong scenario is never selected by accident. */
const onlyBad = ({ tags }: Selectable) => tags.length === 1 && tags[0] === 'bad'

/**
 * Resolves selectors against the scenarios there are. What several selectors select adds up, in the order in which it
 * was named first.
 *
 * @param files the scenario behind each path, by the selector's value
 */
export function select<S extends Selectable>(
  selectors: readonly Selector[],
  scenarios: readonly S[],
  files: ReadonlyMap<string, S> = new Map(),
): Selected<S>[] {
  const selected = new Map<S, { times: number; counted: boolean }>()
  for (const { times, counted, ...selector } of selectors) {
    for (const scenario of matches(selector, scenarios, files)) {
      const before = selected.get(scenario)
      selected.set(scenario, { times: (before?.times ?? 0) + times, counted: before?.counted || counted })
    }
  }
  return [...selected].map(([scenario, counts]) => ({ scenario, ...counts }))
}

function matches<S extends Selectable>(
  { kind, value }: Pick<Selector, 'kind' | 'value'>,
  scenarios: readonly S[],
  files: ReadonlyMap<string, S>,
): readonly S[] {
  const names = scenarios.map(({ name }) => name)
  switch (kind) {
    case 'path': {
      const scenario = files.get(value)
      if (scenario === undefined) throw new UsageError(`there is no scenario file ${value}`)
      return [scenario]
    }
    case 'name': {
      const scenario = scenarios.find(({ name }) => name === value)
      if (scenario !== undefined) return [scenario]
      const otherwise = 'see torture list scenarios, or name a file, as in ./ring.torture.ts'
      throw new UsageError(`there is no scenario '${value}': ${hint(value, names, otherwise)}`)
    }
    case 'tag': {
      const tagged = scenarios.filter(s => s.tags.includes(value) && (value === 'bad' || !onlyBad(s)))
      if (tagged.length > 0) return tagged
      const tags = new Set(scenarios.flatMap(s => s.tags))
      throw new UsageError(
        `no scenario has the tag '${value}': ${hint(value, tags, `there are ${[...tags].sort().join(', ')}`)}`,
      )
    }
    case 'pattern': {
      const pattern = globToRegExp(value)
      const matching = scenarios.filter(s => pattern.test(s.name) && !onlyBad(s))
      if (matching.length > 0) return matching
      throw new UsageError(`no scenario's name matches '${value}': see torture list scenarios`)
    }
  }
}
