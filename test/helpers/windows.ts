/** Enters a race's window on purpose: at a site of the library somebody else does something. */
import { configureSites, ENTRY_WORDS, MAX_SITES, siteNames } from '../../lib/shm/sites.ts'

/** Runs `act`; when it first passes the site, `intrude` runs there. Throws if the site was not passed. */
export function within<T>(siteName: string, intrude: () => void, act: () => T): T {
  return withinEach([[siteName, intrude]], act)
}

/** As `within`, for several windows, entered in this order. */
export function withinEach<T>(windows: readonly (readonly [siteName: string, intrude: () => void])[], act: () => T): T {
  const sites = windows.map(([siteName]) => {
    const wanted = siteNames().indexOf(siteName)
    if (wanted < 0) throw new Error(`there is no site ${siteName}`)
    return wanted
  })
  let entered = 0
  configureWith(1, at => {
    if (at === sites[entered]) windows[entered++][1]()
  })
  try {
    const result = act()
    if (entered < windows.length) throw new Error(`the site ${windows[entered][0]} was not passed`)
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
