/**
 * What a run's numbers are worth. Failures arrive at some rate per CPU-hour (Poisson) or with some probability per
 * execution (binomial); the intervals are the exact ones, so they hold for the few failures, or none, that a run sees.
 */

export interface Interval {
  readonly low: number
  readonly high: number
}

/** The middle one, or between the two in the middle; undefined of none. */
export function median(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * The exact (Garwood) interval of a Poisson mean.
 * @param events     how many were seen, >= 0
 * @param confidence two-sided, 0..1; 0.95 unless told
 */
export function poissonInterval(events: number, confidence = 0.95): Interval {
  const tail = (1 - confidence) / 2
  return {
    // P(X >= events | low) = tail, and P(X <= events | high) = tail.
    low: events === 0 ? 0 : invertRising(mean => gammaP(events, mean), tail),
    high: invertRising(mean => gammaP(events + 1, mean), 1 - tail),
  }
}

/** Events per unit of `exposure` (CPU-hours, say), with the exact interval of that rate. */
export function rateInterval(
  events: number,
  exposure: number,
  confidence = 0.95,
): Interval & { readonly rate: number } {
  const { low, high } = poissonInterval(events, confidence)
  return { rate: events / exposure, low: low / exposure, high: high / exposure }
}

/** The exact (Clopper-Pearson) interval of a probability, from `hits` in `trials`. */
export function proportionInterval(hits: number, trials: number, confidence = 0.95): Interval {
  const tail = (1 - confidence) / 2
  return {
    low: hits === 0 ? 0 : bisect(p => betaI(p, hits, trials - hits + 1) - tail, 0, 1),
    high: hits === trials ? 1 : bisect(p => betaI(p, hits + 1, trials - hits) - (1 - tail), 0, 1),
  }
}

/**
 * What a clean run excludes: no failure in `exposure` rules out rates above this one, with this (one-sided) confidence.
 * At 95% it is the rule of three: 3.00 / exposure.
 */
export function excludedRate(exposure: number, confidence = 0.95): number {
  return -Math.log(1 - confidence) / exposure
}

/** The clean exposure that excludes rates above `rate` with this confidence: T = -ln(1 - confidence) / rate. */
export function cleanExposure(rate: number, confidence = 0.95): number {
  return -Math.log(1 - confidence) / rate
}

/**
 * Runs needed to see a failure of probability `probability` at least once with this confidence:
 * n = log(1 - F) / log(1 - f), rounded up.
 */
export function runsNeeded(probability: number, confidence = 0.95): number {
  if (probability >= 1) return 1
  // Rounding errors must not ask for one run more than the exact quotient.
  return Math.ceil(Math.log1p(-confidence) / Math.log1p(-probability) - 1e-9)
}

/** P(X <= events) where X is Poisson with this mean: how likely so few would be if nothing had been fixed. */
export function poissonAtMost(events: number, mean: number): number {
  return 1 - gammaP(events + 1, mean)
}

/**
 * Whether two rates differ: the probability of counts as uneven as these, or more so, if the rates were the same.
 * Given their sum, the first count is then binomial with the first share of the exposure: the exact conditional test,
 * two-sided by probability.
 * @param events   how many were seen in one place, and in the other
 * @param exposure of both, in one unit
 */
export function equalRates(events: readonly [number, number], exposure: readonly [number, number]): number {
  const trials = events[0] + events[1]
  const share = exposure[0] / (exposure[0] + exposure[1])
  if (trials === 0 || !(share > 0 && share < 1)) return 1
  const log = (k: number) =>
    logGamma(trials + 1) -
    logGamma(k + 1) -
    logGamma(trials - k + 1) +
    k * Math.log(share) +
    (trials - k) * Math.log1p(-share)
  // Equal but for rounding is equal.
  const most = log(events[0]) + 1e-7
  let sum = 0
  for (let k = 0; k <= trials; k++) if (log(k) <= most) sum += Math.exp(log(k))
  return Math.min(1, sum)
}

/** Regularised lower incomplete gamma function P(a, x): a series below a + 1, a continued fraction above. */
export function gammaP(a: number, x: number): number {
  if (x <= 0) return 0
  const scale = Math.exp(a * Math.log(x) - x - logGamma(a))
  if (x < a + 1) {
    let term = 1 / a
    let sum = term
    for (let n = 1; term > sum * PRECISION; n++) {
      term *= x / (a + n)
      sum += term
    }
    return sum * scale
  }
  const upper = continuedFraction(n => (n === 0 ? [1, x + 1 - a] : [-n * (n - a), x + 2 * n + 1 - a]))
  return 1 - upper * scale
}

/** Regularised incomplete beta function I_x(a, b), by its continued fraction. */
export function betaI(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  // The fraction converges fast on this side of the mean only; the other is its mirror image.
  if (x > (a + 1) / (a + b + 2)) return 1 - betaI(1 - x, b, a)
  const scale = Math.exp(a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b)) / a
  return (
    scale *
    continuedFraction(n => {
      if (n === 0) return [1, 1]
      const m = n >> 1
      if (n % 2 === 0) return [(m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)), 1]
      return [(-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)), 1]
    })
  )
}

const PRECISION = 1e-16
const TINY = 1e-300

/** n0/(d0 + n1/(d1 + n2/(d2 + …))) by the modified algorithm of Lentz. `term(n)` gives numerator and denominator. */
function continuedFraction(term: (n: number) => readonly [number, number]): number {
  let value = TINY
  let up = value
  let down = 0
  for (let n = 0; n < 100_000; n++) {
    const [numerator, denominator] = term(n)
    down = 1 / (denominator + numerator * down || TINY)
    up = denominator + numerator / up || TINY
    value *= up * down
    if (n > 0 && Math.abs(up * down - 1) < 1e-15) return value
  }
  return value
}

/** ln Γ(x) for x > 0: Stirling's series, after moving x to where it is exact to the last digits. */
function logGamma(x: number): number {
  let shift = 0
  while (x < 16) shift -= Math.log(x++)
  const y = 1 / (x * x)
  const series = (1 / 12 - y * (1 / 360 - y * (1 / 1260 - y * (1 / 1680 - (y * 1) / 1188)))) / x
  return shift + (x - 0.5) * Math.log(x) - x + Math.log(2 * Math.PI) / 2 + series
}

/** Where a rising function of x >= 0 reaches `target`. */
function invertRising(f: (x: number) => number, target: number): number {
  let high = 1
  while (f(high) < target) high *= 2
  return bisect(x => f(x) - target, 0, high)
}

/** The zero of a rising function, to the last bit: slow and cannot go wrong. */
function bisect(f: (x: number) => number, low: number, high: number): number {
  for (let n = 0; n < 200; n++) {
    const middle = (low + high) / 2
    if (middle === low || middle === high) break
    if (f(middle) < 0) low = middle
    else high = middle
  }
  return (low + high) / 2
}
