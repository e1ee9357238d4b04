/** Preemptions where stores are delayed: the same for the same steps, whoever decided them. */
import t from 'tap'
import { Board } from '../torture/explore/schedule/board.ts'
import { preemptionsAmong } from '../torture/explore/search/preemptions.ts'

/** Two threads, a and b, and their buffers, A and B. */
const ACTORS = 'abAB'

/** @param steps of an actor each, with who could have gone there: `b:ab` */
function executed(steps: string): Board {
  const board = new Board(2)
  board.reset(1, 0, [1, 1], false)
  const bitOf = (actor: string) => 1 << ACTORS.indexOf(actor)
  for (const step of steps.split(' ')) {
    const [actor, able] = step.split(':')
    const enabled = [...able].reduce((bits, one) => bits | bitOf(one), 0)
    board.note(ACTORS.indexOf(actor), 0, enabled, 0, 0)
  }
  return board
}

const cases: readonly [string, number][] = [
  ['a:ab a:ab b:b', 0],
  ['a:ab b:ab a:a', 1],
  ['a:ab b:ab a:ab', 2],
  // A thread whose own stores reach memory is not preempted by that, nor when it goes on.
  ['a:ab A:abA a:ab', 0],
  ['a:ab B:abB a:ab', 0],
  // Another one goes on after it.
  ['a:ab A:abA b:ab', 1],
  ['a:ab A:bA b:ab', 0],
]

for (const [steps, preemptions] of cases) {
  t.test(steps, async t => t.equal(preemptionsAmong(executed(steps)), preemptions))
}
