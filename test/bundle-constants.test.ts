/** What the engine is to take for constant in the package's modules, as esbuild writes them; the user's stay as they are. */
import t from 'tap'
import { withConstants } from '../torture/bundle/constants.ts'
import { NAMESPACE } from '../torture/bundle/package-sources.ts'

const OURS = `// ${NAMESPACE}:torture/x.ts`
const MODULE = `var MOST = 3;
var once = /* @__PURE__ */ __name(() => 1, "once");
var replaced = /* @__PURE__ */ __name(() => 1, "replaced");
var Box = class _Box {
  static {
    __name(this, "Box");
  }
  board;
  #words;
  late;
  #size = 0;
  static #high = 1;
  constructor(words, other) {
    this.board = words.board;
    this.#words = words;
    if (other) {
      this.late = 1;
    }
  }
  get #first() {
    return this.#words[0] + other?.#size + at(1).#words[_Box.#high];
  }
};
function replace(other) {
  replaced = other;
}`

t.test('of the package', async t => {
  const lines = withConstants(`${OURS}\n${MODULE}`).split('\n').slice(1)
  t.equal(lines.length, MODULE.split('\n').length, 'all lines are in their places')
  t.match(lines, [/^const MOST = 3;/, /^const once = /, /^var replaced = /, /^var Box = class/])
  const body = lines.slice(7)
  t.strictSame(
    body.slice(0, 5),
    ['', '', '  late;', '  _size = 0;', '  static _high = 1;'],
    'what the constructor assigns for certain is not declared',
  )
  t.match(body[7], /this\._words = words/)
  t.equal(
    body.find(line => line.includes('get ')),
    '  get _first() {',
  )
  t.ok(body.includes('    return this._words[0] + other?._size + at(1)._words[_Box._high];'))
  t.notMatch(lines.join('\n'), '#')
})

t.test('nobody else', async t => {
  for (const from of ['// user/x.ts', `// ${NAMESPACE}:node_modules/piscina/x.js`])
    t.equal(withConstants(`${from}\n${MODULE}`), `${from}\n${MODULE}`)
  const mixed = withConstants(`${OURS}\n${MODULE}\n// user/x.ts\n${MODULE}`)
  t.ok(mixed.endsWith(`// user/x.ts\n${MODULE}`), 'up to where another file begins')
})
