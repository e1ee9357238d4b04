import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import t from 'tap'

const pagesIn = (folder: string) =>
  readdirSync(folder)
    .filter(name => name.endsWith('.md'))
    .map(name => posix.join(folder, name))
const PAGES = [...pagesIn('.'), ...pagesIn('docs'), ...pagesIn('remote')]

/** As renderers make them: `## What is run` → `what-is-run`. */
function anchorsOf(page: string): Set<string> {
  const headings = readFileSync(page, 'utf8').matchAll(/^#+ (.*)$/gm)
  const plain = [...headings].map(([, text]) => text!.toLowerCase().replace(/[^\w\- ]/g, ''))
  return new Set(plain.map(text => text.trim().replaceAll(' ', '-')))
}

/** What is wrong with a link of a page, or undefined. */
function problem(page: string, link: string): string | undefined {
  const [path, anchor] = link.split('#') as [string, string?]
  const target = path === '' ? page : posix.join(posix.dirname(page), path)
  if (!existsSync(target)) return `${page}: ${link} leads nowhere`
  if (anchor === undefined || anchorsOf(target).has(anchor)) return undefined
  return `${page}: ${link} names no heading`
}

const linksOf = (page: string) =>
  [...readFileSync(page, 'utf8').matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!).filter(l => !/^\w+:/.test(l))

t.test('every link within the documents leads somewhere', async t => {
  t.ok(PAGES.includes('README.md') && PAGES.includes('docs/architecture.md'))
  for (const page of PAGES) for (const link of linksOf(page)) t.equal(problem(page, link), undefined)
})

t.test('a link to nothing is noticed', async t => {
  t.match(problem('docs/architecture.md', 'nothing.md'), 'leads nowhere')
  t.match(problem('docs/architecture.md', 'results.md#nothing'), 'names no heading')
})

t.test('files that the architecture names are there', async t => {
  const page = readFileSync('docs/architecture.md', 'utf8')
  const named = [...page.matchAll(/`((?:torture|lib|results|scenarios)\/[\w./-]+)`/g)].map(([, path]) => path!)
  t.not(named.length, 0)
  t.same(
    named.filter(path => path !== 'torture/lib' && !existsSync(path)),
    [],
  )
})
