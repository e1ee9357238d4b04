/**
 * `node --import=tsx bench/explore-strategies.ts [SEEDS]`: how soon each strategy finds bugs of different kinds, on the
 * simulated machine of the tests: executions to the first failure, median over the seeds and the worst of them.
 */

import { KNOWN_BUGS, type KnownBug } from '../test/helpers/known-bugs.ts'
import { machineFor, runOnce } from '../test/helpers/machine.ts'
import { Pct } from '../torture/explore/strategies/pct.ts'
import { Pos } from '../torture/explore/strategies/pos.ts'
import { RandomWalk } from '../torture/explore/strategies/random.ts'
import type { Strategy } from '../torture/explore/strategies/strategy.ts'
import { Urw } from '../torture/explore/strategies/urw.ts'
import { median } from './finding.ts'

const MOST = 20_000
const seeds = Number(process.argv[2] ?? 60)

const STRATEGIES: Readonly<Record<string, (scratch: Int32Array) => Strategy>> = {
  random: () => new RandomWalk(),
  'pct(2)': scratch => new Pct(scratch, 2),
  'pct(3)': scratch => new Pct(scratch, 3),
  pos: scratch => new Pos(scratch),
  urw: scratch => new Urw(scratch),
}

function executionsToFind(
  { programs, cells, isFound }: KnownBug,
  make: (scratch: Int32Array) => Strategy,
  seed: number,
) {
  const machine = machineFor(programs.length, make)
  for (let execution = 0; execution < MOST; execution++)
    if (isFound(runOnce(machine, programs, { seed, execution, ...(cells && { cells }) })!)) return execution + 1
  return Number.POSITIVE_INFINITY
}

const show = (executions: number) => (executions > MOST ? `> ${MOST}` : String(executions))

const rows = Object.entries(KNOWN_BUGS).map(([name, bug]) => {
  const cells = Object.entries(STRATEGIES).map(([strategy, make]) => {
    // Where one seed needs all executions, the others will too.
    const found: number[] = []
    for (let seed = 1; seed <= seeds && !(found.length >= 3 && found.every(n => n > MOST)); seed++)
      found.push(executionsToFind(bug, make, seed))
    return [strategy, `${show(median(found))} (${show(Math.max(...found))})`]
  })
  return [name, Object.fromEntries(cells)]
})
console.table(Object.fromEntries(rows))
