/** `atomic_t` has all operations of the kernel, and both builds do what a plain model does. */
import fc from 'fast-check'
import t from 'tap'
import { smpMb, smpMbAfterAtomic, smpMbBeforeAtomic } from '../lib/atomic/barriers.ts'
import { ATOMIC_BUILDS } from '../lib/atomic/builds.ts'

type Operation = (w: Int32Array, at: number, ...rest: unknown[]) => unknown

/** Names after `atomic_` that have no variants. */
const PLAIN = `read read_acquire set set_release
  add sub inc dec and or xor andnot
  fetch_add_unless add_unless inc_not_zero inc_unless_negative dec_unless_positive dec_if_positive
  sub_and_test dec_and_test inc_and_test`
/** Names that come alone, fully ordered, and with `_relaxed`, `_acquire` and `_release`. */
const ORDERED = `add_return sub_return inc_return dec_return
  fetch_add fetch_sub fetch_inc fetch_dec fetch_and fetch_or fetch_xor fetch_andnot
  xchg cmpxchg try_cmpxchg add_negative`
const words = (text: string) => text.split(/\s+/)
const camelCase = (name: string) => `atomic_${name}`.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())

/** What an operation makes of a word: the word afterwards, and what is returned. */
type Model = (old: number, a: number, b: number) => readonly [number, unknown]
const swapIf = (happens: boolean, old: number, value: number, returned: unknown): readonly [number, unknown] => [
  happens ? value : old,
  returned,
]

const MODELS: Readonly<Record<string, Model>> = {
  read: old => [old, old],
  read_acquire: old => [old, old],
  set: (_, a) => [a, undefined],
  set_release: (_, a) => [a, undefined],
  add: (old, a) => [old + a, undefined],
  sub: (old, a) => [old - a, undefined],
  inc: old => [old + 1, undefined],
  dec: old => [old - 1, undefined],
  and: (old, a) => [old & a, undefined],
  or: (old, a) => [old | a, undefined],
  xor: (old, a) => [old ^ a, undefined],
  andnot: (old, a) => [old & ~a, undefined],
  add_return: (old, a) => [old + a, (old + a) | 0],
  sub_return: (old, a) => [old - a, (old - a) | 0],
  inc_return: old => [old + 1, (old + 1) | 0],
  dec_return: old => [old - 1, (old - 1) | 0],
  fetch_add: (old, a) => [old + a, old],
  fetch_sub: (old, a) => [old - a, old],
  fetch_inc: old => [old + 1, old],
  fetch_dec: old => [old - 1, old],
  fetch_and: (old, a) => [old & a, old],
  fetch_or: (old, a) => [old | a, old],
  fetch_xor: (old, a) => [old ^ a, old],
  fetch_andnot: (old, a) => [old & ~a, old],
  xchg: (old, a) => [a, old],
  cmpxchg: (old, a, b) => swapIf(old === a, old, b, old),
  try_cmpxchg: (old, a, b) => swapIf(old === a, old, b, old === a),
  add_negative: (old, a) => [old + a, ((old + a) | 0) < 0],
  sub_and_test: (old, a) => [old - a, ((old - a) | 0) === 0],
  dec_and_test: old => [old - 1, ((old - 1) | 0) === 0],
  inc_and_test: old => [old + 1, ((old + 1) | 0) === 0],
  add_unless: (old, a, b) => swapIf(old !== b, old, old + a, old !== b),
  fetch_add_unless: (old, a, b) => swapIf(old !== b, old, old + a, old),
  inc_not_zero: old => swapIf(old !== 0, old, old + 1, old !== 0),
  inc_unless_negative: old => swapIf(old >= 0, old, old + 1, old >= 0),
  dec_unless_positive: old => swapIf(old <= 0, old, old - 1, old <= 0),
  dec_if_positive: old => swapIf(((old - 1) | 0) >= 0, old, old - 1, (old - 1) | 0),
}

/** How many operands each takes, besides the word and the order. */
const arity = (name: string) => {
  if (/cmpxchg|add_unless/.test(name)) return 2
  return /inc|dec|read/.test(name) ? 0 : 1
}

t.test('every operation of the kernel is there, in both builds, and nothing else', async t => {
  const expected = [...words(PLAIN), ...words(ORDERED)].map(camelCase).sort()
  for (const [build, operations] of Object.entries(ATOMIC_BUILDS))
    t.same(Object.keys(operations).sort(), expected, build)
  t.same(Object.keys(MODELS).map(camelCase).sort(), expected, 'and has its model')
})

/** What a build makes of it, in words whose neighbours must stay as they are. */
function carryOut(operation: Operation, name: string, old: number, operands: readonly number[], order?: string) {
  const w = new Int32Array(new SharedArrayBuffer(12)).fill(77)
  w[1] = old
  const expected = { value: operands[0]! }
  const given = name === 'try_cmpxchg' ? [expected, operands[1]] : operands
  const returned = operation(w, 1, ...given, ...(order === undefined ? [] : [order]))
  return { word: w[1], returned, expected: expected.value, beside: [w[0], w[2]] }
}

function agree(name: string, old: number, operands: readonly number[], order?: string): void {
  const [word, returned] = MODELS[name]!(old, operands[0]!, operands[1]!)
  // A failed attempt says what it found instead.
  const expected = name === 'try_cmpxchg' ? old : operands[0]
  for (const [build, operations] of Object.entries(ATOMIC_BUILDS)) {
    const operation = operations[camelCase(name) as keyof typeof operations] as Operation
    const found = carryOut(operation, name, old, operands, order)
    const same = found.word === (word | 0) && found.returned === returned && found.expected === expected
    if (!same || found.beside.some(cell => cell !== 77))
      throw new Error(`${build} ${name}(${operands}) at ${old}: ${JSON.stringify(found)}, not ${word | 0}, ${returned}`)
  }
}

const EDGES = [0, 1, -1, 2, -2, 31, 0x55555555, -0x55555556, 0x7ffffffe, 0x7fffffff, -0x80000000, -0x7fffffff]

t.test('both builds do what the model does: at all edges, and anywhere', async t => {
  let cases = 0
  for (const name of Object.keys(MODELS)) {
    const firsts = arity(name) > 0 ? EDGES : [0]
    const seconds = arity(name) > 1 ? EDGES : [0]
    const orders = words(ORDERED).includes(name) ? [undefined, 'relaxed', 'acquire', 'release'] : [undefined]
    for (const old of EDGES)
      for (const a of firsts)
        for (const b of seconds)
          for (const order of orders) {
            agree(name, old, [a, b].slice(0, arity(name)), order)
            cases++
          }
    const int32 = fc.integer({ min: -0x80000000, max: 0x7fffffff })
    const near = (old: number) => fc.oneof(int32, fc.constant(old))
    const anything = int32.chain(old => fc.tuple(fc.constant(old), near(old), near(old)))
    fc.assert(
      fc.property(anything, ([old, a, b]) => agree(name, old, [a, b].slice(0, arity(name)))),
      { numRuns: 50 },
    )
  }
  t.ok(cases > 10_000, `${cases} cases`)
})

t.test('the check notices a build that is wrong', async t => {
  const right = MODELS.fetch_andnot!
  Object.assign(MODELS, { fetch_andnot: MODELS.fetch_and! })
  t.throws(() => agree('fetch_andnot', 3, [1]), /native fetch_andnot/)
  Object.assign(MODELS, { fetch_andnot: right })
})

t.test('barriers leave the memory as it is', async t => {
  const w = new Int32Array(new SharedArrayBuffer(8)).fill(5)
  for (const barrier of [smpMb, smpMbBeforeAtomic, smpMbAfterAtomic]) barrier(w)
  t.same([...w], [5, 5])
})
