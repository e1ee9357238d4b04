import { defineScenario } from '../../torture/scenario.ts'
import { fileScenario } from '../workloads/files.ts'

export default defineScenario(
  fileScenario({
    name: 'file-map',
    summary:
      'mappings of a file, shared and private: pages are written to the disk, dropped from the cache and read again, and nothing that was written is lost',
    inconclusive: ({ counters }) => {
      const missing = ['pages.written', 'shrink.freed', 'shrink.written'].filter(name => (counters[name] ?? 0) === 0)
      return missing.length > 0 ? `no page went the way ${missing.join(', ')}` : undefined
    },
  }),
)
