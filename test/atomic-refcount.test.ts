/** What a reference count does at its ends, where no load of any length takes it. */
import t from 'tap'
import {
  REFCOUNT_MAX as MAX,
  type RefcountWarn,
  refcountAdd,
  refcountDec,
  refcountDecAndTest,
  refcountDecIfOne,
  refcountDecNotOne,
  refcountInc,
  refcountIncNotZero,
  refcountRead,
  refcountSet,
  refcountSetRelease,
  refcountSubAndTest,
  REFCOUNT_SATURATED as SATURATED,
} from '../lib/atomic/refcount.ts'
import { OracleViolation } from '../lib/check/oracle.ts'

type Act = (w: Int32Array, warn: RefcountWarn) => unknown

/** A count, what is done to it, what that returns, what the count is then, and what was warned of. */
type Row = readonly [what: string, old: number, act: Act, returned: unknown, now: number, ...faults: string[]]

const inc: Act = (w, warn) => refcountInc(w, 0, warn)
const incNotZero: Act = (w, warn) => refcountIncNotZero(w, 0, 'acquire', warn)
const dec: Act = (w, warn) => refcountDec(w, 0, warn)
const decAndTest: Act = (w, warn) => refcountDecAndTest(w, 0, warn)
const decNotOne: Act = (w, warn) => refcountDecNotOne(w, 0, warn)
const decIfOne: Act = w => refcountDecIfOne(w, 0)

const ROWS: readonly Row[] = [
  ['one more', 1, inc, undefined, 2],
  ['one more of none', 0, inc, undefined, SATURATED, 'use after free'],
  ['one more than there can be', MAX, inc, undefined, SATURATED, 'overflow'],
  ['one more of a saturated count', SATURATED, inc, undefined, SATURATED, 'overflow'],
  ['so many more that it would wrap', 2, (w, warn) => refcountAdd(w, 0, MAX, warn), undefined, SATURATED, 'overflow'],
  ['the largest count', MAX - 1, inc, undefined, MAX],
  ['one more unless there is none', 1, incNotZero, true, 2],
  ['there is none', 0, incNotZero, false, 0],
  ['there are too many', MAX, incNotZero, true, SATURATED, 'overflow'],
  ['saturated ones are given out', SATURATED, incNotZero, true, SATURATED, 'overflow'],
  ['one less', 2, dec, undefined, 1],
  ['the last by who knew that it was not', 1, dec, undefined, SATURATED, 'leak'],
  ['one less than none', 0, dec, undefined, SATURATED, 'underflow'],
  ['not the last', 2, decAndTest, false, 1],
  ['the last', 1, decAndTest, true, 0],
  ['given up twice', 0, decAndTest, false, SATURATED, 'underflow'],
  ['a saturated count is never the last', SATURATED, decAndTest, false, SATURATED, 'underflow'],
  ['all of them', 3, (w, warn) => refcountSubAndTest(w, 0, 3, warn), true, 0],
  ['more than there are', 2, (w, warn) => refcountSubAndTest(w, 0, 3, warn), false, SATURATED, 'underflow'],
  ['if it is the last', 1, decIfOne, true, 0],
  ['if it were', 2, decIfOne, false, 2],
  ['unless it is the last', 2, decNotOne, true, 1],
  ['it is', 1, decNotOne, false, 1],
  ['unless it is the last, of none', 0, decNotOne, true, SATURATED, 'underflow'],
  ['unless it is the last, saturated', SATURATED, decNotOne, true, SATURATED],
]

t.test('each operation, at the ends of the count', async t => {
  for (const [what, old, act, returned, now, ...faults] of ROWS) {
    const w = new Int32Array(new SharedArrayBuffer(4))
    const warned: string[] = []
    refcountSet(w, 0, old)
    const found = act(w, (fault, at, before) => warned.push(`${fault} ${at} ${before}`))
    t.same([found, refcountRead(w, 0)], [returned, now], what)
    t.same(
      warned,
      faults.map(fault => `${fault} 0 ${old}`),
      what,
    )
  }
})

t.test('without a handler a warning violates REF, and the count is saturated', async t => {
  const w = new Int32Array(new SharedArrayBuffer(4))
  for (const act of [refcountInc, refcountDec, refcountDecAndTest]) {
    refcountSetRelease(w, 0, 0)
    try {
      act(w, 0)
      t.fail('nobody was warned')
    } catch (error) {
      t.equal(error instanceof OracleViolation && error.oracle, 'REF')
    }
    t.equal(refcountRead(w, 0), SATURATED)
  }
})
