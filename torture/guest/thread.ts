/** The piscina task file: a task is a thread's whole stay in the guest, in the mode that its instance asks for. */
import type { Mode } from '../../results/schema.ts'
import { explore } from '../explore/explore.ts'
import type { Stay } from './messages.ts'
import { stress } from './rounds/stress.ts'

/** Each mode prepares the realm its own way before it imports the scenario. */
const modes: Readonly<Record<Mode, (stay: Stay, entry: string) => Promise<void>>> = { stress, explore }

export default async function thread(stay: Stay): Promise<void> {
  await modes[stay.instance.mode](stay, import.meta.url)
}
