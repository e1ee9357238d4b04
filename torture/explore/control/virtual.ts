/**
 * Time and chance in bodies. The clock is virtual: it moves a microsecond when it is read, to the deadline when a wait
 * times out, and faster and faster while a thread does nothing but wait for time to pass. `Math.random` is a stream of
 * the instance's seed. Outside of `open` and bodies both are what they always were.
 */
import { Xoshiro } from '../../guest/random.ts'
import { CLOCK_ADDRESS } from '../report/addresses.ts'
import { OP } from '../schedule/ops.ts'
import type { Stage } from './stage.ts'

const READ_MS = 0.001
/** A thread that repeats itself for the n-th time lets twice as much time pass as before, up to this. */
const LONGEST_MS = 60_000
/** When a virtual day begins: any date will do, as long as it is always the same. */
const EPOCH_MS = Date.UTC(2026, 0, 1)
const STREAM = -3_000_000

/** @returns what starts the streams of an execution */
export function controlTime(stage: Stage): (seed: number, round: number) => void {
  const now = (): number => {
    const { board } = stage
    stage.point(OP.clock, CLOCK_ADDRESS, 4)
    const repeats = stage.repeats(OP.clock, CLOCK_ADDRESS)
    board.clock[0] += Math.min(LONGEST_MS, READ_MS * 2 ** Math.max(0, repeats - 1))
    const time = board.clock[0]
    stage.told(0, 0, 0, `${time.toFixed(3)} ms`)
    return time
  }

  const { performance, process } = globalThis
  const real = { dateNow: Date.now, now: performance.now, hrtime: process.hrtime, random: Math.random }
  const RealDate = Date
  Date.now = () => (stage.active ? EPOCH_MS + Math.floor(now()) : real.dateNow())
  performance.now = () => (stage.active ? now() : real.now.call(performance))
  const hrtime = (since?: [number, number]): [number, number] => {
    if (!stage.active) return real.hrtime(since)
    const ns = Math.round(now() * 1e6)
    const [s, n] = since ?? [0, 0]
    const passed = ns - (s * 1e9 + n)
    return [Math.floor(passed / 1e9), ((passed % 1e9) + 1e9) % 1e9]
  }
  hrtime.bigint = () => (stage.active ? BigInt(Math.round(now() * 1e6)) : real.hrtime.bigint())
  process.hrtime = hrtime as typeof process.hrtime
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args, self) =>
      Reflect.construct(target, stage.active && args.length === 0 ? [Date.now()] : args, self),
    apply: (target, self, args) => (stage.active ? new Date().toString() : Reflect.apply(target, self, args)),
  })

  const random = new Xoshiro(0, 0, 0)
  Math.random = () => (stage.active ? (random.int32() >>> 0) / 2 ** 32 : real.random())
  return (seed, round) => random.reseed(seed, STREAM - stage.thread, round)
}
