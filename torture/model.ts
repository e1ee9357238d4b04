/** Checks by hand what a history's model is: it may come from a user's plain JavaScript. */

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** What keeps a value from being a model, in one phrase. */
export function checkModel(model: unknown): string | undefined {
  if (!isObject(model)) return 'history.model must be a model, or a function that makes one'
  const { name, operations, apply } = model
  const words = Array.isArray(operations) && operations.length > 0 && operations.every(it => typeof it === 'string')
  if (typeof name !== 'string') return 'history.model.name must be a string'
  if (!words) return 'history.model.operations must be a list of names'
  if (!('initial' in model)) return 'history.model lacks its initial state'
  if (typeof apply !== 'function') return 'history.model.apply must be a function'
  const optional = ['key', 'partition'].find(key => !['function', 'undefined'].includes(typeof model[key]))
  return optional === undefined ? undefined : `history.model.${optional} must be a function`
}
