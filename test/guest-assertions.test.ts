/** What `node:assert` says of a failed check is one line of a report, with both values where they are short. */
import assert from 'node:assert/strict'
import t from 'tap'
import { faultOf } from '../torture/guest/report/report.ts'

const CASES: Readonly<Record<string, () => void>> = {
  'no update is lost: 1 !== 2': () => assert.equal(1, 2, 'no update is lost'),
  'Expected values to be strictly equal: -1n !== 0n': () => assert.equal(-1n, 0n),
  "the state: 'a b' !== 'c'": () => assert.equal('a b', 'c', 'the state'),
  'made once: [ 2, 1 ] !== [ 1, 1 ]': () => assert.deepEqual([2, 1], [1, 1], 'made once'),
  'Expected values to be strictly deep-equal: Int32Array(2) [ 0, 1 ] !== Int32Array(2) [ 0, 0 ]': () =>
    assert.deepEqual(Int32Array.of(0, 1), Int32Array.of(0, 0)),
  "The input did not match the regular expression /b/. Input: 'a'": () => assert.match('a', /b/),
  'The expression evaluated to a falsy value: assert(1 > 2)': () => {
    const message = 'The expression evaluated to a falsy value:\n\n  assert(1 > 2)\n'
    throw new assert.AssertionError({ message, operator: '==', actual: false, expected: true })
  },
  'it holds': () => assert(false, 'it holds'),
}

for (const [expected, check] of Object.entries(CASES)) {
  t.test(expected, async t => {
    try {
      check()
    } catch (error) {
      t.equal(faultOf(error, 'check').message.trim(), expected)
    }
  })
}

t.test('what is long keeps the lines that differ', async t => {
  const long = Array.from({ length: 500 }, (_, n) => n)
  try {
    assert.deepEqual([...long, 1], [...long, 2], 'all of them')
  } catch (error) {
    const { message, details } = faultOf(error, 'check')
    t.match(message, /^all of them/)
    t.notMatch(message, /\n|::/)
    t.match(details, { actual: [...long, 1] }, 'and all is in the details')
  }
})

t.test('whatever was thrown, looking at it does not throw again', async t => {
  const trap = () => {
    throw new Error('trap')
  }
  const untouchable = new Proxy({}, { get: trap, has: trap, getPrototypeOf: trap, ownKeys: trap })
  const unreadable = Object.defineProperty(new Error('x'), 'message', { get: trap })
  for (const thrown of [untouchable, unreadable, null, undefined, Object.freeze({}), Object.create(null)])
    t.match(faultOf(thrown, 'exception'), { oracle: 'exception', message: /^threw / })
})
