/** The MCS lock, tortured. */
import { type McsImage, McsLock, mcsRegion } from '../../lib/sync/mcs-lock.ts'
import { locktorture } from '../workloads/locktorture.ts'

export default locktorture<McsImage>({
  name: 'lock-mcs',
  summary: 'locktorture of the MCS lock',
  reads: false,
  reserve: mcsRegion,
  open: (cpu, image, locks) => ({
    locks: Array.from({ length: locks }, (_, n) => ({ write: new McsLock(cpu, image, n) })),
  }),
})
