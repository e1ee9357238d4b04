/** What a scenario may say of its history, and what is refused, in words that say what to do. */
import t from 'tap'
import * as models from '../lib/check/linearizability/models.ts'
import { checkScenario } from '../torture/bundle/contract.ts'
import { checkModel } from '../torture/model.ts'

const withHistory = (history: unknown) =>
  checkScenario({ name: 'x', summary: 'y', setup: () => ({}), threads: { a: { run: () => {} } }, history })
const model = models.queue()

t.test('what is right', async t => {
  t.equal(withHistory({ model }), undefined)
  t.equal(withHistory({ model: () => model }), undefined)
  t.equal(withHistory({ model, partition: () => 1, calls: 64, budget: 1, order: 'counted' }), undefined)
  for (const make of Object.values(models)) t.equal(checkModel(make({ permits: 1 })), undefined)
})

t.test('what is not', async t => {
  for (const [history, problem] of [
    [1, 'history must be an object with a model and is 1'],
    [{}, 'history.model must be a model, or a function that makes one'],
    [{ modell: model }, /^history\.modell means nothing: did you mean 'model'\?/],
    [{ model, calls: 65 }, 'history.calls must be a whole number from 1 to 64 and is 65'],
    [{ model, calls: 0 }, /calls/],
    [{ model, calls: 1.5 }, /calls/],
    [{ model, budget: 'much' }, "history.budget must be a whole number from 1 and is 'much'"],
    [{ model, order: 'random' }, "history.order must be 'observed' or 'counted' and is 'random'"],
    [{ model, partition: 3 }, 'history.partition must be a function and is 3'],
    [{ model: { ...model, name: 1 } }, 'history.model.name must be a string'],
    [{ model: { ...model, operations: [] } }, 'history.model.operations must be a list of names'],
    [{ model: { ...model, apply: undefined } }, 'history.model.apply must be a function'],
    [{ model: { name: 'x', operations: ['a'], apply: () => {} } }, 'history.model lacks its initial state'],
    [{ model: { ...model, key: 'x' } }, 'history.model.key must be a function'],
  ] as const)
    t.match(withHistory(history), problem)
})
