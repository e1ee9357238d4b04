/**
 * A connection: its client opens it and, as soon as it is open, closes it again. Each side goes by what it finds in one
 * word, looks a few times, and gives the other one up.
 */
import { defineScenario } from '../../torture/scenario.ts'
import { type Classic, cells } from './_classic.ts'

const OPENING = 1
export const OPEN = 2
export const CLOSING = 3
const CLOSED = 4

const LOOKS = 3

export interface Connection {
  readonly state: Int32Array
}

/** @param expected the states that the server knows of a connection that it has opened */
export const connection = (expected: readonly number[]): Classic<Connection> => {
  const comesTo = (state: Int32Array, awaited: number): boolean => {
    for (let look = 0; look < LOOKS; look++) if (Atomics.load(state, 0) === awaited) return true
    return false
  }

  return {
    setup: () => ({ state: cells() }),
    threads: {
      client: {
        run: ({ shared: { state } }) => {
          Atomics.store(state, 0, OPENING)
          if (comesTo(state, OPEN)) Atomics.store(state, 0, CLOSING)
        },
      },
      server: {
        run: ({ shared: { state }, fail }) => {
          if (!comesTo(state, OPENING)) return
          Atomics.store(state, 0, OPEN)
          const found = Atomics.load(state, 0)
          if (!expected.includes(found)) fail('the server does not know the state of the connection', { found })
          if (found === CLOSING) Atomics.store(state, 0, CLOSED)
        },
      },
    },
  }
}

export default defineScenario({
  name: 'three-switches',
  summary: 'a connection that may be closed before its server has looked at it once',
  tags: ['classic'],
  ...connection([OPEN, CLOSING]),
})
