import fc from 'fast-check'
import t from 'tap'
import { UsageError } from '../torture/errors.ts'
import { distance, nearest } from '../torture/plan/nearest.ts'
import { globToRegExp, parseSelectors, select } from '../torture/plan/selector.ts'

const USAGE = { name: 'Error', exitCode: 2 }

const scenarios = [
  { name: 'vma-lock', tags: ['mm'] },
  { name: 'mmap-lock', tags: ['mm', 'lock'] },
  { name: 'rwsem', tags: ['lock'] },
  { name: 'lost-update', tags: ['bad'] },
  { name: 'odd', tags: ['bad', 'lock'] },
]
const names = (...texts: string[]) =>
  select(parseSelectors(texts), scenarios).map(({ scenario, times }) => `${times}*${scenario.name}`)

t.test('each kind of selector', async t => {
  t.same(names('vma-lock'), ['1*vma-lock'])
  t.same(names('3*vma-lock'), ['3*vma-lock'])
  t.same(names('*-lock'), ['1*vma-lock', '1*mmap-lock'])
  t.same(names('2**-lock'), ['2*vma-lock', '2*mmap-lock'], 'a count before a pattern')
  t.same(names('tag:lock'), ['1*mmap-lock', '1*rwsem', '1*odd'])
  t.same(names('rwsem,2*vma-lock', 'rwsem'), ['2*rwsem', '2*vma-lock'], 'what is named twice adds up')
  const file = { name: 'ring', tags: [] }
  t.same(select(parseSelectors(['2*./ring.torture.ts']), [file], new Map([['./ring.torture.ts', file]])), [
    { scenario: file, times: 2, counted: true },
  ])
})

t.test('what is only bad is selected by its name or by tag:bad', async t => {
  t.same(names('*'), ['1*vma-lock', '1*mmap-lock', '1*rwsem', '1*odd'])
  t.same(names('lost-update'), ['1*lost-update'])
  t.same(names('tag:bad'), ['1*lost-update', '1*odd'])
  t.throws(() => names('lost-*'), USAGE)
})

t.test('what selects nothing says so', async t => {
  t.throws(() => names('vma-lok'), { message: /did you mean 'vma-lock'/ })
  t.throws(() => names('quite-different'), { message: /torture list scenarios/ })
  t.throws(() => names('tag:lok'), { message: /did you mean 'lock'/ })
  t.throws(() => names('zz*'), { message: /matches 'zz\*'/ })
  for (const bad of ['', 'vma-lock,', '0*rwsem', '-1*rwsem', '1001*rwsem', '1.5*rwsem', `${'9'.repeat(30)}*rwsem`]) {
    t.throws(() => names(bad), USAGE, `'${bad}'`)
  }
})

t.test('paths are told from names', async t => {
  for (const path of ['./a.ts', '../a', '/x/a.mjs', 'a.ts', 'sub/a'])
    t.equal(parseSelectors([path])[0].kind, 'path', path)
  for (const name of ['vma-lock', 'a.b']) t.equal(parseSelectors([name])[0].kind, 'name', name)
})

t.test('a comma within the path of a file separates nothing', async t => {
  const files = ['./a,b.ts', './a', 'x/c,d,e.mjs']
  const values = (...texts: string[]) =>
    parseSelectors(texts, path => files.includes(path)).map(({ times, value }) => `${times} ${value}`)
  t.same(values('./a,b.ts'), ['1 ./a,b.ts'])
  t.same(values('rwsem, 2*./a,b.ts,3*x/c,d,e.mjs,rcu'), ['1 rwsem', '2 ./a,b.ts', '3 x/c,d,e.mjs', '1 rcu'])
  t.same(values('./a,c.ts'), ['1 ./a', '1 c.ts'], 'but in one of no file')
  t.throws(() => values('./a,b.ts,'), USAGE)
})

t.test('any text is a selector or a complaint', async () => {
  fc.assert(
    fc.property(fc.string(), text => {
      try {
        return parseSelectors([text]).every(({ times, value }) => times >= 1 && value !== '')
      } catch (error) {
        return error instanceof UsageError
      }
    }),
  )
})

t.test('a pattern of a name matches it', async () => {
  const name = fc.stringMatching(/^[a-z0-9.-]{1,12}$/)
  fc.assert(
    fc.property(name, fc.nat(), (text, at) => {
      const cut = at % (text.length + 1)
      return (
        globToRegExp(`${text.slice(0, cut)}*`).test(text) &&
        globToRegExp(text).test(text) &&
        !globToRegExp(text).test(`${text}x`)
      )
    }),
  )
})

t.test('the nearest name', async t => {
  t.equal(nearest('vma-lok', ['rwsem', 'vma-lock']), 'vma-lock')
  t.equal(nearest('vmalock', ['vma-lock']), 'vma-lock')
  t.equal(nearest('x', ['s', 'y']), undefined)
  t.equal(nearest('something', ['else']), undefined)
  fc.assert(fc.property(fc.string(), a => distance(a, a) === 0))
  fc.assert(fc.property(fc.string(), fc.string(), (a, b) => distance(a, b) === distance(b, a)))
  fc.assert(fc.property(fc.string(), fc.string(), (a, b) => distance(a, b) <= Math.max(a.length, b.length)))
})
