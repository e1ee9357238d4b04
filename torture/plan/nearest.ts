/** Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`. */
export function distance(a: string, b: string): number {
  let before: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      row[j] = Math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) row[j] = Math.min(row[j], before[j - 2] + 1)
    }
    before = previous
    previous = row
  }
  return previous[b.length]
}

/** The name that was probably meant, or undefined if none is near: up to a third of the letters may be wrong. */
export function nearest(wrong: string, names: Iterable<string>): string | undefined {
  let best: string | undefined
  let least = Math.floor(wrong.length / 3) + 1
  for (const name of names) {
    const edits = name.startsWith(wrong) && wrong.length > 2 ? 1 : distance(wrong.toLowerCase(), name.toLowerCase())
    if (edits < least) {
      least = edits
      best = name
    }
  }
  return best
}

/** "; did you mean X?", or what to type to see the names there are. */
export function hint(wrong: string, names: Iterable<string>, otherwise: string): string {
  const name = nearest(wrong, names)
  return name === undefined ? otherwise : `did you mean '${name}'?`
}
