import { readFileSync } from 'node:fs'
import t from 'tap'
import { apiPage } from '../docs/generate/api.ts'
import { takeApart } from '../docs/generate/declarations.ts'
import { prose } from '../docs/generate/prose.ts'

const page = readFileSync('docs/api.md', 'utf8')

t.test('the page is that of the sources', async t => {
  t.equal(apiPage(), page, 'make it anew: npm run api')
})

t.test('whatever a scenario or a test can import says what it is', async t => {
  const [torture = ''] = page.split('\n## torture/lib\n')
  const silent = [...torture.matchAll(/^#### (\w+)\n\n```/gm)].map(([, name]) => name)
  t.same(silent, [], 'these have no doc comment')
})

t.test('declarations are taken apart', async t => {
  const { declarations, passedOn } = takeApart(`/** The file's. */
import { type A } from './a.ts';
export { type A, b } from './a.ts';
export * from './all.ts';
export * as space from './space.ts';
interface Hidden {
    /** It's } in a comment. */
    readonly a: '}';
}
/**
 * Adds.
 * @param a one
 */
export declare function add(a: number, hidden: Hidden): {
    sum: number;
};
export declare function add(a: string): string;
export declare class Lock {
    #private;
    /** Not for you. */
    private readonly words;
    lock(): void;
}
`)
  t.same(
    declarations.map(({ name, exported }) => [name, exported]),
    [
      ['Hidden', false],
      ['add', true],
      ['add', true],
      ['Lock', true],
    ],
  )
  t.equal(prose(declarations[1]!.comment), 'Adds.\n\n- `a`: one')
  t.equal(declarations[1]!.code, 'function add(a: number, hidden: Hidden): {\n  sum: number;\n};')
  t.equal(declarations[3]!.code, 'class Lock {\n  lock(): void;\n}')
  t.same(passedOn, [
    { names: 'type A, b', from: './a.ts' },
    { names: '*', from: './all.ts' },
    { names: '* as space', from: './space.ts' },
  ])
})

t.test('doc comments become Markdown', async t => {
  t.equal(
    prose(`
 * Two lines
 * are one.
 *
 * - a list
 * - stays
 * @param n of objects,
 *   in words
 * @returns nothing @throws RangeError if there
 *   is no room
 `),
    'Two lines are one.\n\n- a list\n- stays\n\n- `n`: of objects, in words\n- returns: nothing\n- throws `RangeError`: if there is no room',
  )
})
