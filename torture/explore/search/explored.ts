/** A participant whose failures go to thread 0: there the schedule is verified and minimised before anybody hears. */
import { Participant } from '../../guest/rounds/participant.ts'
import type { FaultBox } from '../control/fault-box.ts'
import type { Stage } from '../control/stage.ts'
import { ENDING, HEAD } from '../schedule/board.ts'

export class Explored extends Participant {
  readonly #stage: Stage
  readonly #box: FaultBox

  constructor(options: ConstructorParameters<typeof Participant>[0], stage: Stage, box: FaultBox) {
    super(options)
    this.#stage = stage
    this.#box = box
  }

  /** The first failure ends the execution, at the next operation of whoever goes on. */
  override failed(
    fault: { oracle: string; message: string; details?: unknown; stack?: string | undefined },
    _shared: unknown,
    thread: string = this.seat.label,
  ): void {
    const { head } = this.#stage.board
    if (this.#box.full || (head[HEAD.ending] !== ENDING.none && head[HEAD.ending] !== ENDING.finished)) return
    const { stack, ...rest } = fault
    this.#box.put({ ...rest, thread, ...(stack === undefined ? {} : { stack }) })
    this.#stage.scheduler.end(ENDING.failed, this.seat.thread)
  }
}
