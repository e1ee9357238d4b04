/** A host may be anybody's: whatever it answers, it is one line of ours, and costs nobody else anything. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { refusalOf, sshLab, withoutSshd } from './helpers/ssh-lab.ts'

const skip = { skip: withoutSshd }

/** Stands in place of the login shell: finds our marker in what we send, and answers as it is told. */
const LIAR = `
let heard = ''
process.stdin.on('data', data => {
  heard += data
  const marker = /torture-[0-9a-f]{18} /.exec(heard)?.[0]
  if (marker === undefined || !heard.includes('"ask":"facts"')) return
  const line = value => marker + (typeof value === 'string' ? value : JSON.stringify(value)) + '\\n'
  heard = ''
  ANSWER
})
`
const FACTS =
  "{ hostname: 'h', platform: 'linux', arch: 'x64', node: '22.1.0', nodePath: '/n', cpus: 2, freeBytes: 1e9, directory: '/d', state: 'ours' }"
const say = (value: string) => `process.stdout.write(line(${value}))`
const without = (key: string, value: string) => say(`{ ...${FACTS}, ${key}: ${value} }`)

const LIES: readonly (readonly [name: string, answer: string, expected: object])[] = [
  ['no JSON', say("'{'"), { kind: 'protocol', message: /its answer to 'facts' cannot be understood/ }],
  ['null', say("'null'"), { kind: 'protocol' }],
  ['something else', say('{ now: 7 }'), { kind: 'protocol' }],
  ['no number of CPUs', without('cpus', '1e9'), { kind: 'protocol' }],
  ['half a CPU', without('cpus', '0.5'), { kind: 'protocol' }],
  ['free space below nothing', without('freeBytes', '-1'), { kind: 'protocol' }],
  ['a version that is none', without('node', "'\\x1b[2J'"), { kind: 'protocol' }],
  ['an endless name', without('directory', "'x'.repeat(100000)"), { kind: 'protocol' }],
  ['trouble of a kind that is none', say("{ trouble: 'magic', message: 'x' }"), { kind: 'protocol' }],
  [
    'trouble that speaks to the terminal',
    say("{ trouble: 'no-space', message: 'a\\x1b[2Jb\\nc' }"),
    { kind: 'no-space', message: 'host: a [2Jb c' },
  ],
  ['no Node, and the terminal again', say("{ none: '\\x1b]0;x\\x07' }"), { kind: 'no-node', message: /^[^\p{Cc}]+$/u }],
  [
    'a line without end',
    "const more = () => { while (process.stdout.write('x'.repeat(1 << 16))); process.stdout.once('drain', more) }; more()",
    { kind: 'protocol', message: /it said "x{200}"$/ },
  ],
  ['nothing, and an end', 'process.exit(0)', { kind: 'protocol', message: /status 0/ }],
  ['nothing, and a violent end', "process.kill(process.pid, 'SIGKILL')", { kind: 'cut', fatal: false }],
]

for (const [name, answer, expected] of LIES) {
  t.test(`a host that answers: ${name}`, skip, async t => {
    const lab = sshLab(t)
    const liar = join(lab.dir, 'liar.cjs')
    writeFileSync(liar, LIAR.replace('ANSWER', answer))
    await lab.start('host', { force: `exec '${process.execPath}' '${liar}'` })
    t.match(await lab.refusal('host'), { host: 'host', ...expected })
  })
}

t.test('a host that answers what nobody asked is not heard', skip, async t => {
  const lab = sshLab(t)
  const liar = join(lab.dir, 'liar.cjs')
  const answers = `process.stdout.write(line(${FACTS}) + line('[]') + line({ wanted: false })); setTimeout(() => process.stdout.write(line({ now: Date.now() })), 100)`
  writeFileSync(liar, LIAR.replace('ANSWER', answers))
  await lab.start('host', { force: `exec '${process.execPath}' '${liar}'` })
  const reached = await lab.connect('host').catch(error => error)
  if (reached instanceof Error) return t.match(reached, { kind: 'protocol' })
  reached.close()
  return t.match(await refusalOf(reached.clean({ olderThanMs: 0, dryRun: true })), { kind: /cut|protocol/ })
})
