import fc from 'fast-check'
import t from 'tap'
import { UsageError } from '../torture/errors.ts'
import {
  formatDuration,
  formatSize,
  parseAssignment,
  parseCount,
  parseDuration,
  parseSeed,
  parseSize,
} from '../torture/plan/quantities.ts'

const USAGE = { name: 'Error', exitCode: 2 }

t.test('durations', async t => {
  for (const [text, ms] of Object.entries({
    '500ms': 500,
    '30s': 30_000,
    '1.5m': 90_000,
    '8h': 28_800_000,
    '24d': 2_073_600_000,
  })) {
    t.equal(parseDuration(text, '--duration'), ms, text)
  }
  for (const bad of [
    'banana',
    '30',
    '0s',
    '-1s',
    '1e3s',
    '99999h',
    '25d',
    '',
    's',
    '1 s',
    '0.1ms',
    'Infinitys',
    '1s1s',
  ]) {
    t.throws(() => parseDuration(bad, '--duration'), USAGE, `'${bad}'`)
  }
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2_073_600_000 }), ms => parseDuration(formatDuration(ms), 'x') === ms),
  )
})

t.test('sizes', async t => {
  const least = 64 << 20
  for (const [text, bytes] of Object.entries({
    '2GiB': 2 ** 31,
    '512M': 2 ** 29,
    '512mb': 2 ** 29,
    '0': 0,
    '134217728': 2 ** 27,
  })) {
    t.equal(parseSize(text, '--max-memory', least), bytes, text)
  }
  for (const bad of ['lots', '1KiB', '63MiB', '-1G', '99999999TiB', '', 'GiB']) {
    t.throws(() => parseSize(bad, '--max-memory', least), USAGE, `'${bad}'`)
  }
  fc.assert(fc.property(fc.integer({ min: 1, max: 2 ** 40 }), bytes => parseSize(formatSize(bytes), 'x', 1) === bytes))
})

t.test('counts and seeds', async t => {
  t.equal(parseCount('12', '--cpus', 16), 12)
  t.equal(parseCount('0', '--keep', 16, 0), 0)
  for (const bad of ['0', '17', '-3', '1.5', '1e1', '0x3', 'many', '', '9'.repeat(40), ' 3', '3 ']) {
    t.throws(() => parseCount(bad, '--cpus', 16), USAGE, `'${bad}'`)
  }
  t.equal(parseSeed('0xdeadBEEF', '--seed'), 0xdeadbeef)
  for (const bad of ['abc', '-1', '4294967296', '1.0', '', '0x', '0x123456789']) {
    t.throws(() => parseSeed(bad, '--seed'), USAGE, `'${bad}'`)
  }
  fc.assert(fc.property(fc.integer({ min: 0, max: 0xffffffff }), seed => parseSeed(String(seed), 'x') === seed))
})

t.test('assignments', async t => {
  t.same(parseAssignment('adds=3', '--param'), ['adds', '3'])
  t.same(parseAssignment('url=a=b', '--param'), ['url', 'a=b'])
  for (const bad of ['adds', '=3', '']) t.throws(() => parseAssignment(bad, '--param'), USAGE, `'${bad}'`)
})

t.test('whatever is typed is a number or one line of complaint', async () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[-+.\d]{0,4}[a-zA-Z]{0,3}$/)), text => {
      for (const parse of [parseDuration, parseSeed]) {
        try {
          if (!Number.isSafeInteger(parse(text, '--flag'))) return false
        } catch (error) {
          if (!(error instanceof UsageError)) return false
        }
      }
      return true
    }),
  )
})
