/**
 * The worker's side of explore-atomics.test.ts: the same random calls on the engine's own `Atomics` and on the
 * controlling one, each on a memory of its own that began with the same bytes. In a worker, because what is installed
 * stays.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { controlAtomics } from '../../torture/explore/control/atomics.ts'
import { Baton } from '../../torture/explore/control/baton.ts'
import { ControlledWaits } from '../../torture/explore/control/controlled-waits.ts'
import { Stage } from '../../torture/explore/control/stage.ts'
import { Addresses } from '../../torture/explore/report/addresses.ts'
import { Board } from '../../torture/explore/schedule/board.ts'
import { OP } from '../../torture/explore/schedule/ops.ts'
import { Scheduler } from '../../torture/explore/schedule/scheduler.ts'
import { Focus } from '../../torture/explore/search/focus.ts'
import { batonBytes } from '../../torture/explore/sizes.ts'
import { RandomWalk } from '../../torture/explore/strategies/random.ts'
import {
  type Call,
  capture,
  Draw,
  drawCall,
  engine,
  everything,
  MEDDLES,
  type Methods,
  type Side,
} from './atomics-calls.ts'

export interface Mismatch {
  readonly seed: number
  readonly call: string
  readonly engine: string
  readonly controlled: string
}

export interface Report {
  readonly mismatches: readonly Mismatch[]
  readonly calls: number
  /** Names of the methods, and how each call of it ended: values, and errors by class. */
  readonly endings: Readonly<Record<string, readonly string[]>>
}

const BYTES = 64

/** A thread under control, the only one of its execution. */
function rig() {
  const board = new Board(1)
  const scheduler = new Scheduler(board, [new RandomWalk()], new Focus())
  const stage = new Stage(0, scheduler, new Baton(new SharedArrayBuffer(batonBytes(1)), 0))
  const addresses = new Addresses(0)
  const waits = new ControlledWaits(stage, addresses)
  controlAtomics(stage, addresses, waits)
  const begin = (buffers: readonly SharedArrayBuffer[]) => {
    addresses.place(buffers)
    board.reset(1, 0, [0], false)
    scheduler.waits.reset()
    waits.reset()
    stage.reset()
    stage.started()
  }
  return { stage, waits, board, begin }
}

/** How a call ended, as a text that is the same if it was the same. */
function carryOut(side: Side, { method, args }: Call): string {
  side.log.length = 0
  let ended: string
  try {
    ended = describe(side.methods[method](...args.map(make => make(side))))
  } catch (error) {
    ended =
      error instanceof Error ? `${error.constructor.name} ${error.name}: ${error.message}` : `thrown ${describe(error)}`
  }
  return [ended, ...side.log].join(', ')
}

function describe(value: unknown): string {
  if (value instanceof Promise) return 'a promise'
  if (Object.is(value, -0)) return 'number -0'
  if (typeof value !== 'object' || value === null) return `${typeof value} ${String(value)}`
  const entries = Object.entries(value).map(([key, of]) => `${key}: ${describe(of)}`)
  return `${Object.getPrototypeOf(value) === Object.prototype ? '' : 'strange '}{ ${entries.join(', ')} }`
}

const bytesOf = ({ shared, own, plain }: Side): string =>
  [shared, own, plain].map(buffer => Buffer.from(new Uint8Array(buffer)).toString('hex')).join(' ')

const kindOf = (ended: string) => ended.split(/[ :]/, 1)[0]

/** Calls on both sides, `active` or not, until one differs. */
export function duel(seeds: number, calls: number, active: boolean): Report {
  const { stage, board, begin } = rig()
  const captured = capture()
  const mismatches: Mismatch[] = []
  const endings: Record<string, Set<string>> = Object.fromEntries(everything.map(name => [name, new Set<string>()]))
  let done = 0
  for (let seed = 1; seed <= seeds; seed++) {
    const draw = new Draw(seed)
    const bytes = Uint8Array.from({ length: BYTES }, () => (draw.oneIn(2) ? 0 : draw.below(256)))
    const sideOf = (methods: Methods): Side => {
      const side = {
        methods,
        shared: new SharedArrayBuffer(BYTES),
        own: new SharedArrayBuffer(BYTES),
        plain: new ArrayBuffer(BYTES),
        log: [],
      }
      for (const buffer of [side.shared, side.own, side.plain]) new Uint8Array(buffer).set(bytes)
      return side
    }
    const sides = [sideOf(engine), sideOf(seed % 2 === 0 ? captured : (Atomics as unknown as Methods))] as const
    begin([sides[1].shared])
    for (let n = 0; n < calls; n++) {
      const call = drawCall(draw)
      const was = carryOut(sides[0], call)
      const { steps } = board
      stage.active = active
      const is = carryOut(sides[1], call)
      stage.active = false
      done++
      endings[call.method].add(kindOf(was))
      const [before, after] = [bytesOf(sides[0]), bytesOf(sides[1])]
      const took = board.steps - steps
      const wrong = was !== is ? [was, is] : before !== after ? [before, after] : extraSteps(active, call, was, took)
      if (wrong === undefined) continue
      mismatches.push({ seed, call: call.text, engine: wrong[0], controlled: wrong[1] })
      break
    }
  }
  return {
    mismatches,
    calls: done,
    endings: Object.fromEntries(Object.entries(endings).map(([name, of]) => [name, [...of]])),
  }
}

/** A call whose arguments are refused is no step; without control there are none at all. */
function extraSteps(active: boolean, { text }: Call, ended: string, took: number): [string, string] | undefined {
  if (!active) return took === 0 ? undefined : ['no steps', `${took} steps`]
  if (ended.includes(MEDDLES)) return undefined
  const refused = /^(\w+Error|thrown) /.test(ended)
  if (refused && took > 0) return ['no step', `${took} steps, though it is refused`]
  if (!refused && took === 0 && /\(shared/.test(text) && !/^(isLockFree|pause) /.test(text)) return ['a step', 'none']
  return undefined
}

/** Waits in a queue are served in the order in which they came. */
async function queue(): Promise<string> {
  const { stage, waits, board, begin } = rig()
  const shared = new SharedArrayBuffer(16)
  const array = new Int32Array(shared)
  begin([shared])
  const { waitAsync, notify } = Atomics as unknown as Methods
  const heard: string[] = []
  stage.active = true
  const join = (name: string, at: number) => {
    const { value } = waitAsync(array, at, 0) as { value: Promise<string> }
    void value.then(result => heard.push(`${name} ${result}`))
  }
  for (const [name, at] of [
    ['a', 0],
    ['b', 1],
    ['c', 0],
    ['d', 0],
    ['e', 1],
  ] as const)
    join(name, at)
  for (const [at, most] of [
    [0, 1],
    [1, 1],
    [0, 1],
    [0, 5],
    [1, 5],
  ] as const) {
    const woken = notify(array, at, most)
    heard.push(`notified ${woken}`)
    waits.settleOne()
    await undefined
  }
  heard.push(`notified ${notify(array, 0)}, ${notify(array, 1)}`)
  stage.active = false
  const notifies = Array.from({ length: board.steps }, (_, step) => board.kindAt(step)).filter(
    kind => kind === OP.notify,
  )
  heard.push(`${notifies.length} steps`)
  return heard.join(', ')
}

/** How what is installed looks: `name length attributes` of each method and of the object. */
function looks(): string[] {
  return Reflect.ownKeys(Atomics).map(key => {
    const { value, ...flags } = Object.getOwnPropertyDescriptor(Atomics, key)!
    const of = (name: string) => JSON.stringify(Object.getOwnPropertyDescriptor(value, name))
    const shape = typeof value === 'function' ? `${of('name')} ${of('length')} ${'prototype' in value}` : value
    return `${String(key)} ${JSON.stringify(flags)} ${shape}`
  })
}

if (parentPort !== null) {
  const { task, seeds, calls } = workerData.duel
  const port = parentPort
  if (task === 'looks') {
    const before = looks()
    rig()
    port.postMessage({ before, after: looks(), replaced: everything.filter(name => engine[name] !== capture()[name]) })
  } else if (task === 'queue') void queue().then(heard => port.postMessage(heard))
  else port.postMessage(duel(seeds, calls, task === 'active'))
}
