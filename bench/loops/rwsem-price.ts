/** An uncontended read lock and unlock of the rwsem against one bare read-modify-write, in turns, by CPU time. */
import { ArenaBuilder, Cpu, cpuRegion, objectAt, RWSEM, Rwsem, waiterRegion } from '../../lib/index.ts'
import { recorderOn } from './bare.ts'

const REPEATS = 31
const TURNS = 1_000_000

recorderOn()
const builder = new ArenaBuilder()
const cpus = cpuRegion(builder, 2)
const waiters = waiterRegion(builder, 2)
const region = builder.region('rwsem', RWSEM, 1, { ownLines: true })
const { words } = builder.build()
const cpu = new Cpu(words, cpus, 0)
cpu.run()
const semaphore = new Rwsem(cpu, waiters, objectAt(region, 0))
const bare = new Int32Array(new SharedArrayBuffer(words.byteLength))

function lockAndUnlock(): void {
  for (let n = 0; n < TURNS; n++) {
    semaphore.downRead()
    semaphore.upRead()
  }
}

function add(): void {
  for (let n = 0; n < TURNS; n++) Atomics.add(bare, 0, 1)
}

function spent(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return user + system
}

const ratios: number[] = []
for (let n = -3; n < REPEATS; n++) {
  const both = n % 2 === 0 ? [spent(lockAndUnlock), spent(add)] : [spent(add), spent(lockAndUnlock)].reverse()
  if (n >= 0) ratios.push(both[0] / both[1])
}
process.stdout.write(JSON.stringify(ratios))
