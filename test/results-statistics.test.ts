import t from 'tap'
import {
  cleanExposure,
  equalRates,
  excludedRate,
  gammaP,
  poissonAtMost,
  poissonInterval,
  proportionInterval,
  rateInterval,
  runsNeeded,
} from '../results/statistics.ts'

function near(
  t: { ok(value: unknown, message: string): unknown },
  got: number,
  wanted: number,
  relative: number,
  what: string,
) {
  t.ok(Math.abs(got - wanted) <= relative * Math.max(Math.abs(wanted), 1e-300), `${what}: ${got} is ${wanted}`)
}

t.test('Poisson intervals are the published ones (95%, Garwood)', async t => {
  const table: [number, number, number][] = [
    [0, 0, 3.6889],
    [1, 0.0253, 5.5716],
    [2, 0.2422, 7.2247],
    [3, 0.6187, 8.7673],
    [5, 1.6235, 11.6683],
    [10, 4.7954, 18.3904],
    [20, 12.2165, 30.8884],
    [50, 37.111, 65.9188],
    [100, 81.364, 121.6268],
  ]
  for (const [events, low, high] of table) {
    const interval = poissonInterval(events)
    t.ok(Math.abs(interval.low - low) < 6e-5, `low of ${events}: ${interval.low}`)
    t.ok(Math.abs(interval.high - high) < 6e-5, `high of ${events}: ${interval.high}`)
  }
})

/** P(X <= k) by adding up its terms: nothing in common with the incomplete gamma function. */
function poissonSum(k: number, mean: number): number {
  let term = Math.exp(-mean)
  let sum = 0
  for (let n = 0; n <= k; n++) {
    sum += term
    term *= mean / (n + 1)
  }
  return sum
}

t.test('Poisson limits leave exactly the tails they promise', async t => {
  for (const confidence of [0.5, 0.9, 0.95, 0.999]) {
    const tail = (1 - confidence) / 2
    for (const events of [0, 1, 2, 7, 40, 300]) {
      const { low, high } = poissonInterval(events, confidence)
      near(t, poissonSum(events, high), tail, 1e-9, `${events} or fewer at the high limit`)
      if (events > 0) near(t, 1 - poissonSum(events - 1, low), tail, 1e-9, `${events} or more at the low limit`)
    }
  }
})

t.test('Clopper-Pearson intervals are the published ones (95%)', async t => {
  const table: [number, number, number, number][] = [
    [0, 10, 0, 0.3084971],
    [1, 10, 0.002528579, 0.4450161],
    [5, 10, 0.187086, 0.812914],
    [10, 10, 0.6915029, 1],
    [0, 30, 0, 0.1157033],
    [30, 30, 0.8842967, 1],
  ]
  for (const [hits, trials, low, high] of table) {
    const interval = proportionInterval(hits, trials)
    t.ok(Math.abs(interval.low - low) < 1e-6, `low of ${hits}/${trials}: ${interval.low}`)
    t.ok(Math.abs(interval.high - high) < 1e-6, `high of ${hits}/${trials}: ${interval.high}`)
  }
})

/** P(X <= k), X binomial, by adding up its terms. */
function binomialSum(k: number, n: number, p: number): number {
  let term = (1 - p) ** n
  let sum = 0
  for (let i = 0; i <= k; i++) {
    sum += term
    term *= ((n - i) / (i + 1)) * (p / (1 - p))
  }
  return sum
}

t.test('Clopper-Pearson limits leave exactly the tails they promise', async t => {
  for (const [hits, trials] of [
    [1, 3],
    [3, 50],
    [25, 50],
    [49, 50],
    [7, 400],
  ] as const) {
    const { low, high } = proportionInterval(hits, trials)
    near(t, binomialSum(hits, trials, high), 0.025, 1e-9, `${hits} of ${trials} or fewer at the high limit`)
    near(t, 1 - binomialSum(hits - 1, trials, low), 0.025, 1e-9, `${hits} of ${trials} or more at the low limit`)
  }
})

t.test('the figures of perfbook', async t => {
  t.equal(runsNeeded(0.1, 0.99), 44)
  t.equal(runsNeeded(0.01, 0.99), 459, 'its 458 is 458.2 rounded down, which is not yet 99%')
  t.equal(runsNeeded(0.3, 0.99), 13)
  t.equal(runsNeeded(0.5, 0.75), 2, 'an exact quotient is not rounded up')
  t.equal(runsNeeded(1, 0.99), 1)
  near(t, cleanExposure(3, 0.999), Math.LN10, 1e-12, 'hours clean for 99.9% at 3 an hour')
  near(t, cleanExposure(0.3, 0.99), 15.350567, 1e-6, 'hours clean for 99% at 0.3 an hour')
  near(t, poissonAtMost(2, 24), 1.18e-8, 0.01, '2 failures where 24 were expected')
})

t.test('what a clean run is worth', async t => {
  near(t, excludedRate(1), 2.995732, 1e-6, 'the rule of three')
  near(t, excludedRate(0.5), 5.991465, 1e-6, 'half the time excludes twice the rate')
  near(t, cleanExposure(excludedRate(7)), 7, 1e-12, 'one undoes the other')
  const { rate, low, high } = rateInterval(2, 4)
  t.equal(rate, 0.5)
  near(t, low, 0.242209 / 4, 1e-5, 'low')
  near(t, high, 7.224688 / 4, 1e-5, 'high')
})

t.test('nothing breaks at the ends', async t => {
  t.equal(gammaP(3, 0), 0)
  near(t, gammaP(1, 1), 1 - Math.exp(-1), 1e-14, 'P(1, x) = 1 - e^-x')
  near(t, gammaP(0.5, 2), 0.9544997361036416, 1e-13, 'P(1/2, x) = erf(sqrt x)')
  t.equal(proportionInterval(0, 1).low, 0)
  near(t, proportionInterval(0, 1).high, 0.975, 1e-12, 'one trial')
  t.ok(poissonInterval(1_000_000).high > 1_001_900)
})

t.test('two rates: the exact conditional test', async t => {
  // The example of R's poisson.test, whose p-value is printed as 0.07967.
  near(t, equalRates([11, 6 + 8 + 7], [800, 1083 + 1050 + 878]), 0.07967, 1e-3, 'R: poisson.test')
  // The example of R's binom.test(682, 925, p = 0.75): 0.3825.
  near(t, equalRates([682, 243], [3, 1]), 0.3825, 1e-3, 'R: binom.test')
  near(t, equalRates([4, 0], [31, 95]), (31 / 126) ** 4, 1e-9, 'all in a quarter of the time')
  near(t, equalRates([0, 4], [95, 31]), (31 / 126) ** 4, 1e-9, 'whichever comes first')
  near(t, equalRates([5, 5], [1, 1]), 1, 1e-9, 'nothing could be more even')
  near(t, equalRates([0, 5], [1, 1]), 2 / 32, 1e-9, 'both sides count')
  t.equal(equalRates([0, 0], [1, 2]), 1)
  t.equal(equalRates([3, 0], [1, 0]), 1, 'nothing to compare with')
})
