/** The piscina task file: a task is a thread's whole stay in the guest, in the mode that its instance asks for. */
import type { Mode } from '../../results/schema.ts'
import type { Stay } from './messages.ts'

type Carry = (stay: Stay, entry: string) => Promise<void>

/** Each mode prepares the realm its own way before it imports the scenario; the other one is not read. */
const modes: Readonly<Record<Mode, () => Promise<Carry>>> = {
  stress: async () => (await import('./rounds/stress.ts')).stress,
  explore: async () => (await import('../explore/explore.ts')).explore,
}

export default async function thread(stay: Stay): Promise<void> {
  const carryOut = await modes[stay.instance.mode]()
  await carryOut(stay, import.meta.url)
}
