/** The piscina task file: a task is a thread's whole stay in the guest, in the mode that its instance asks for. */
import type { Mode } from '../../results/schema.ts'
import type { Stay } from './messages.ts'
import { stress } from './stress.ts'

/** Each mode prepares the realm its own way before it imports the scenario. */
const modes: Readonly<Partial<Record<Mode, (stay: Stay, entry: string) => Promise<void>>>> = { stress }

export default async function thread(stay: Stay): Promise<void> {
  const mode = modes[stay.instance.mode]
  if (mode === undefined) throw new Error(`this bundle cannot run in mode ${stay.instance.mode}`)
  await mode(stay, import.meta.url)
}
