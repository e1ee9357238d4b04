/** An emitted test of what uses the library: its sites lose as little time as they did when the failure was found. */
import t from 'tap'
import { workspace } from './helpers/cli.ts'
import { emitted, run } from './helpers/emitted.ts'

/** Loses an update in a window between delays: they take a step each under the scheduler, and 40 without it. */
const LINGERS = `import { ArenaBuilder, Cpu, cpuRegion } from 'torture/lib'
  export default {
    name: 'lingers', summary: 'a lost update, and delays',
    setup: () => {
      const builder = new ArenaBuilder()
      const cpus = cpuRegion(builder, 2)
      return { memory: builder.build(), cpus, cells: new Int32Array(new SharedArrayBuffer(4)) }
    },
    threads: { adder: {
      count: 2,
      open: ({ shared, index }) => new Cpu(shared.memory.words, shared.cpus, index),
      run: ({ local: cpu, shared: { cells } }) => {
        cpu.delay(40)
        const value = Atomics.load(cells, 0)
        cpu.delay(40)
        Atomics.store(cells, 0, value + 1)
      },
    } },
    check: ({ shared: { cells } }) => { if (cells[0] !== 2) throw new Error('an update is lost') },
  }
`

t.test('a file that imports the library', async t => {
  const space = workspace(t)
  space.write({ 'lingers.mjs': LINGERS })
  const theirs = await emitted(t, space, './lingers.mjs')
  t.match(await run(theirs), { failed: true, said: /check: an update is lost/ })
})

t.test('a scenario that came with us, with one of its bugs', async t => {
  const ours = await emitted(t, workspace(t), 'vma-recycle', '--bug', 'vma-put-mm-freed', '--strategy', 'dpor')
  t.match(await run(ours), { failed: true, said: /GEN in reader\[0\]: mm 1 was freed before the last reader/ })
})
