/** Names of cells and threads for everything that people read. */
import { CellNames } from '../../guest/report/cells.ts'
import { type Addresses, CLOCK_ADDRESS } from './addresses.ts'

export class Names {
  readonly threads: readonly string[]
  readonly #cells: CellNames
  readonly #addresses: Addresses

  constructor(threads: readonly string[], shared: unknown, addresses: Addresses) {
    this.threads = threads
    this.#cells = new CellNames(shared)
    this.#addresses = addresses
  }

  /** `lock.state`; what `setup` did not return has no name. */
  cell(address: number): string {
    if (address === 0) return ''
    if (address === CLOCK_ADDRESS) return 'the clock'
    const place = this.#addresses.locate(address)
    if (place === undefined) return 'memory of its own'
    return this.#cells.name(place.buffer, place.offset) ?? `byte ${place.offset} of a buffer without a name`
  }
}
