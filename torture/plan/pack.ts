export interface Packed {
  readonly name: string
  readonly cpus: number
}

/**
 * Packs instances into batches that run one after the other: widest first, each into the first batch with room. What
 * is wider than the whole budget gets a batch of its own.
 */
export function pack(instances: readonly Packed[], budget: number): string[][] {
  const batches: { room: number; names: string[] }[] = []
  for (const { name, cpus } of [...instances].sort((a, b) => b.cpus - a.cpus)) {
    const batch = batches.find(({ room }) => cpus <= room)
    if (batch === undefined) batches.push({ room: budget - cpus, names: [name] })
    else {
      batch.room -= cpus
      batch.names.push(name)
    }
  }
  return batches.map(({ names }) => names)
}
