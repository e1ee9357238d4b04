/**
 * Cells that two threads can touch are reached through `Atomics` only: the explorer sees nothing else. The words of the
 * arena go by the names `w`, `#w` and `words`; a plain access to them carries a mark that says why it is none of two
 * threads' business.
 */
import t from 'tap'
import { readSource, sourcesIn } from './helpers/sources.ts'

/** A cell of one thread for good; or an object that only one thread can reach at this moment. */
const MARK = /\/\/ (own cell|unpublished)\b/

/** Its rings and counters belong to the thread that writes them; others read them when it is done or stuck. */
const EXCEPTION = 'lib/shm/sites.ts'

const SHARED = '(?:\\bw|#w|\\bwords)'
const PLAIN_ACCESS = new RegExp(`${SHARED}(?:\\?\\.)?\\s*\\[`)
const BULK_ACCESS = new RegExp(
  `${SHARED}\\.(?:at|copyWithin|entries|every|fill|filter|find|forEach|includes|indexOf|join|map|reduce|reverse|set|slice|some|sort|subarray|values|with|buffer)\\b`,
)
/** Spread, or walked through. */
const WHOLE = new RegExp(`(?:\\.\\.\\.|\\bof )(?:[\\w.]+\\.)?${SHARED}\\b`)
/** Shared words under another name would hide from the rules above. */
const ALIAS = /\b(?:const|let|var)\s+(\w+)\s*=\s*(?:[\w.#]+\.)#?(?:w|words)\s*(?:$|;|\/\/)/
const ALIAS_FIELD = /this\.(#?\w+)\s*=\s*(?:[\w.#]+\.)?#?(?:w|words)\s*(?:$|;|\/\/)/
const NAMES = new Set(['w', '#w', 'words'])
const ARRAY_TYPE = /(#?\w+)\??: Int32Array\b/g

/** What is wrong with a source: line numbers and lines. */
function complaints(source: string): string[] {
  const found: string[] = []
  const code = source.replace(/\/\*[\s\S]*?\*\//g, comment => comment.replace(/[^\n]/g, ' '))
  for (const [n, line] of code.split('\n').entries()) {
    const bare = line.replace(/\/\/.*$/, '')
    const complain = (why: string) => found.push(`${n + 1}: ${why}: ${line.trim()}`)
    const plain = PLAIN_ACCESS.test(bare) || BULK_ACCESS.test(bare) || WHOLE.test(bare)
    if (plain && !MARK.test(line)) complain('plain access')
    for (const [, name] of [bare.match(ALIAS), bare.match(ALIAS_FIELD)].filter(match => match !== null))
      if (!NAMES.has(name)) complain('another name')
    for (const [, name] of bare.matchAll(ARRAY_TYPE))
      if (!NAMES.has(name) && !isPrivate(code, name)) complain('an array of unknown origin')
  }
  return found
}

/** Whether the file makes the array itself, over memory of its own. */
function isPrivate(code: string, name: string): boolean {
  return new RegExp(`${name.replace('#', '')}(?: =|:) new Int32Array\\((?!new |\\w*[bB]uffer)`).test(code)
}

t.test('shared cells are touched through Atomics only', async t => {
  const files = sourcesIn('lib')
  t.ok(files.length > 30)
  for (const path of files) if (path !== EXCEPTION) t.same(complaints(readSource(path)), [], path)
})

t.test('the exception is one file whose arrays the harness hands in', async t => {
  const arrays = complaints(readSource(EXCEPTION)).map(line => line.match(/unknown origin: .*?(\w+): Int32Array/)?.[1])
  t.same([...new Set(arrays)], ['hits', 'ring', 'cursor'], 'it has no words of an arena')
  t.match(readSource(EXCEPTION), /belongs to one thread/)
})

t.test('plain accesses are noticed', async t => {
  const bad = [
    'const a = w[3]',
    'this.#w[at] = 1',
    'k.w[mm.rssAnon] += pages',
    'w[at]++',
    'if (m.arena.words[at] !== 0) return',
    'w.copyWithin(1, 2, 3)',
    'this.#w.fill(0)',
    'const part = w.subarray(1, 2)',
    'for (const cell of image.words) visit(cell)',
    'const all = [...w]',
    'const cells = k.w',
    'this.cells = words',
    'function f(cells: Int32Array): void {}',
    'violated(seen(w[at]))',
    'w[at] = 1 // own',
    'w[at] = 1 /* own cell */',
  ]
  for (const line of bad) t.equal(complaints(line).length, 1, line)
})

t.test('what is allowed is not complained about', async t => {
  const good = [
    'w[this.#pcp] = 1 // own cell',
    'w[word] = POISON // unpublished',
    'const a = Atomics.load(w, at)',
    'const w = this.#w',
    'this.#w = cpu.w',
    '// w[3] is never read',
    '/** w[3] */',
    'rows[3] = 1',
    'function f(w: Int32Array): void {}',
    'const tags = new Int32Array(4)\nfunction f(tags: Int32Array): number {\n  return tags[0]\n}',
  ]
  for (const source of good) t.same(complaints(source), [], source)
})

t.test('an unmarked access added to a real file is noticed', async t => {
  const source = readSource('lib/mm/fault/anon-fault.ts')
  const changed = source.replace('setPte(k, at, entry)', 'k.w[at] = entry')
  t.not(changed, source)
  t.equal(complaints(changed).length, 1)
})
