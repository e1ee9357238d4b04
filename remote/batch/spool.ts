/**
 * Where a driver and the tasks of a batch system meet: a folder in a file system that all of them see. What driver and
 * agent say to each other elsewhere through a stream is here in files, in the same words.
 *
 *     <run>/<array>/tasks/7.json             what task 7 is to do: written before the array is submitted
 *     <run>/<array>/tasks/7.stop             it shall come to an end
 *     <run>/<array>/attempts/7.0/            a start of task 7, and which one: a task that is requeued starts again
 *     <run>/<array>/attempts/7.0/journal     all that its agent says, a line each
 *     <run>/<array>/attempts/7.0/archive.gz  what the guest left; whole when the journal says so
 */
import { join } from 'node:path'
import * as v from 'valibot'
import { FOLDER_NAME } from '../../results/names.ts'
import { plannedInstance } from '../../results/validate.ts'

export const JOURNAL = 'journal'

export const ordersFolder = (array: string) => join(array, 'tasks')
export const attemptsFolder = (array: string) => join(array, 'attempts')
export const orderFile = (array: string, index: number) => join(ordersFolder(array), `${index}.json`)
export const stopFile = (array: string, index: number) => join(ordersFolder(array), `${index}.stop`)
export const attemptFolder = (array: string, index: number, restart: string) =>
  join(attemptsFolder(array), `${index}.${restart}`)

const order = v.object({
  /** `vma-lock.2#1.7`; which start of it, and on which node, is added by the agent. */
  id: v.string(),
  key: v.string(),
  instance: plannedInstance,
})

export type Order = Readonly<v.InferOutput<typeof order>>

/** @throws where it is none */
export const parseOrder = (text: string): Order => v.parse(order, JSON.parse(text))

/** The id of an attempt: `vma-lock.2#1.7.0@n1`. */
export const attemptId = ({ id }: Pick<Order, 'id'>, restart: string, node: string): string =>
  `${id}.${restart}@${node}`

/** The node in such an id; undefined where it is not one of that order and start. */
export function nodeOf(attempt: string, id: string, restart: string): string | undefined {
  const start = attemptId({ id }, restart, '')
  const node = attempt.slice(start.length)
  return attempt.startsWith(start) && FOLDER_NAME.test(node) && node.length <= 100 ? node : undefined
}

/** Task and start of a folder's name. */
export function parseAttempt(name: string): { readonly index: number; readonly restart: string } | undefined {
  const [, index, restart] = /^(\d{1,7})\.([\w-]{1,40})$/.exec(name) ?? []
  return index === undefined ? undefined : { index: Number(index), restart }
}
