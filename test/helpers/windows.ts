/** Enters a race's window on purpose: at a site of the library somebody else does something. */
import { configureSites, ENTRY_WORDS, MAX_SITES, siteNames } from '../../lib/shm/sites.ts'

/** Runs `act`; when it first passes the site, `intrude` runs there. Throws if the site was not passed. */
export function within<T>(siteName: string, intrude: () => void, act: () => T): T {
  const wanted = siteNames().indexOf(siteName)
  if (wanted < 0) throw new Error(`there is no site ${siteName}`)
  let entered = false
  configureWith(1, at => {
    if (entered || at !== wanted) return
    entered = true
    intrude()
  })
  try {
    const result = act()
    if (!entered) throw new Error(`the site ${siteName} was not passed`)
    return result
  } finally {
    configureWith(0, () => {})
  }
}

function configureWith(delayEvery: number, delay: (at: number) => void): void {
  configureSites({
    hits: new Int32Array(MAX_SITES),
    ring: new Int32Array(ENTRY_WORDS),
    cursor: new Int32Array(1),
    delayEvery,
    delay,
    below: () => 0,
  })
}
