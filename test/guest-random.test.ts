import t from 'tap'
import { LazyXoshiro, Xoshiro } from '../torture/guest/random.ts'

const draws = (seed: number, stream: number, round: number) => {
  const random = new Xoshiro(seed, stream, round)
  return Array.from({ length: 8 }, () => random.int32())
}

t.test('a stream repeats, and differs from all others', async t => {
  t.same(draws(1, 2, 3), draws(1, 2, 3))
  const streams = [
    draws(1, 2, 3),
    draws(2, 2, 3),
    draws(1, 3, 3),
    draws(1, 2, 4),
    draws(1, 2, 3 + 2 ** 32),
    draws(1 + 2 ** 32, 2, 3),
  ]
  t.equal(new Set(streams.map(String)).size, streams.length)
  const random = new Xoshiro(9, 9, 9)
  random.reseed(1, 2, 3)
  t.equal(random.int32(), draws(1, 2, 3)[0])
})

t.test('seeded when it is asked first, it draws the same', async t => {
  const lazy = new LazyXoshiro(1, 2)
  for (const round of [3, 4, 4, 2 ** 40]) {
    lazy.begin(round)
    t.same(
      Array.from({ length: 8 }, () => lazy.int32()),
      draws(1, 2, round),
    )
  }
})

t.test('below is in range and even', async t => {
  const random = new Xoshiro(42, 0, 0)
  const seen = new Int32Array(10)
  for (let i = 0; i < 100_000; i++) seen[random.below(10)]++
  // The seed is fixed, so this holds or does not: five standard deviations of a binomial are 475.
  t.ok(
    seen.every(n => Math.abs(n - 10_000) < 475),
    String(seen),
  )
  t.ok(Array.from({ length: 1000 }, () => random.below(2 ** 32)).every(n => n >= 0 && n < 2 ** 32))
  t.equal(random.below(1), 0)
  t.equal(random.oneIn(1), true)
})
