/** A target of thread-stream: counts lines, which must be 1, 2, 3, …; the first that is not is kept. */
import { Writable } from 'node:stream'

export default ({ counts }) => {
  let rest = ''
  return new Writable({
    write(chunk, _encoding, done) {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop()
      for (const line of lines)
        if (Number(line) !== Atomics.add(counts, 0, 1) + 1) Atomics.compareExchange(counts, 1, 0, Number(line) || -1)
      done()
    },
  })
}
