import t from 'tap'
import {
  clock,
  duration,
  durationFlag,
  fit,
  formatBytes,
  human,
  oneLine,
  percent,
  plural,
  width,
  wrap,
} from '../results/format.ts'
import { table } from '../results/table.ts'
import { addCounters, fallbackShare, mainCounter } from '../results/work.ts'

t.test('numbers have three digits and a unit', async t => {
  const cases: [number, string][] = [
    [0, '0'],
    [7, '7'],
    [999, '999'],
    [999.9, '1.00 k'],
    [1000, '1.00 k'],
    [13_100, '13.1 k'],
    [999_499, '999 k'],
    [999_999, '1.00 M'],
    [1_310_000, '1.31 M'],
    [2.5e9, '2.50 G'],
    [0.0253, '0.03'],
    [0.00253, '0.0025'],
    [5.5, '5.50'],
    [Number.NaN, '–'],
  ]
  for (const [n, text] of cases) t.equal(human(n), text, String(n))
  t.equal(formatBytes(982), '982 B')
  t.equal(formatBytes(1_310_000), '1.31 MB')
})

t.test('shares never claim to be all or nothing', async t => {
  t.same([0, 0.00001, 0.0042, 0.5, 0.99995, 1].map(percent), ['0%', '<0.01%', '0.42%', '50.0%', '>99.99%', '100%'])
})

t.test('times', async t => {
  t.same([0, 850, 999.6, 9800, 59_949, 59_990, 125_000, 3_780_000].map(duration), [
    '0 ms',
    '850 ms',
    '1.0 s',
    '9.8 s',
    '59.9 s',
    '1 m 00 s',
    '2 m 05 s',
    '1 h 03 m',
  ])
  t.same([0, 9999, 750_000, 28_800_000].map(clock), ['0:00', '0:09', '12:30', '8:00:00'])
  t.same([500, 10_000, 300_000, 28_800_000, 90_000].map(durationFlag), ['500ms', '10s', '5m', '8h', '90s'])
  t.same(
    [plural(1, 'failure'), plural(2, 'failure'), plural(0, 'near miss')],
    ['1 failure', '2 failures', '0 near misses'],
  )
})

t.test('lines', async t => {
  t.same(wrap('one two three four', 9), ['one two', 'three', 'four'])
  t.same(
    wrap('a /very/long/path/that/is/copied b', 8),
    ['a', '/very/long/path/that/is/copied', 'b'],
    'paths stay whole',
  )
  t.equal(fit('12345678', 5), '1234…')
  t.equal(width('\x1b[31mred\x1b[39m'), 3)
  t.equal(fit('\x1b[31mred\x1b[39m', 3), '\x1b[31mred\x1b[39m', 'colours take no room')
  t.equal(oneLine(' a\n\tb\x1b[31mc\x00d '), 'a bc d')
  t.same(
    table(
      [
        ['a', 'bb', 'c'],
        ['aaa', 'b', 'cccc'],
      ],
      10,
    ),
    ['a    bb  c', 'aaa  b   …'],
  )
})

t.test('the main work is the first counter that a scenario named', async t => {
  t.equal(mainCounter({ 'torture.stutters': 1, 'outcome:0,1': 5, faults: 3, maps: 2 }), 'faults')
  t.equal(mainCounter({ 'torture.stutters': 1 }), undefined)
  t.equal(
    fallbackShare({ faults: 1000, 'faults.fallbackBusy': 3, 'faults.fallbackNoVma': 1, 'faults.fast': 996 }),
    0.004,
  )
  t.equal(fallbackShare({ faults: 1000, fallbacks: 10 }), 0.01)
  t.equal(fallbackShare({ faults: 1000 }), undefined, 'not counted is not none')
  t.equal(fallbackShare({ faults: 0, fallbacks: 0 }), undefined)
  t.same(
    Object.entries(
      addCounters([
        { b: 1, a: 1 },
        { a: 2, c: 3 },
      ]),
    ),
    [
      ['b', 1],
      ['a', 3],
      ['c', 3],
    ],
  )
})
