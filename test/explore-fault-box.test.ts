/** A failure on its way to thread 0 loses nothing without a word. */
import t from 'tap'
import { FaultBox } from '../torture/explore/control/fault-box.ts'

const fault = { oracle: 'check', message: 'm', thread: 'a[0]' }
const box = () => new FaultBox(new SharedArrayBuffer(64 * 1024))

t.test('what fits arrives', async t => {
  const one = box()
  one.put({ ...fault, details: { cells: [1, 2n, 'ü'] }, stack: 'Error\n    at x' })
  t.ok(one.full)
  t.same(one.take(), { ...fault, details: { cells: [1, '2n', 'ü'] }, stack: 'Error\n    at x' })
  t.notOk(one.full)
})

t.test('what does not is cut or left out, and that is said', async t => {
  const one = box()
  one.put({ ...fault, message: 'ü'.repeat(9000), stack: 'Error'.repeat(9000), details: 'x'.repeat(70_000) })
  const { message, stack, details } = one.take()
  t.equal(message, `${'ü'.repeat(4096)}…`)
  t.equal(stack!.length, 16_385)
  t.equal(details, 'left out: they are too long')
  const circular: { self?: unknown } = {}
  circular.self = circular
  one.put({ ...fault, details: circular })
  t.same(one.take(), { ...fault, details: 'left out: they cannot be written as JSON' })
  one.put({ ...fault, details: undefined })
  t.same(one.take(), fault)
})
