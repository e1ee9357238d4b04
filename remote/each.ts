/** Does the same with many hosts, a few at a time: a handshake costs this machine some milliseconds of its CPUs. */
const AT_ONCE = 32

/** Results in the order of the things. */
export async function each<T, R>(things: readonly T[], action: (thing: T) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array(things.length)
  let next = 0
  const work = async () => {
    while (next < things.length) {
      const n = next++
      results[n] = await action(things[n])
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, things.length) }, work))
  return results
}
