/** The partial-order reduction under total store order, against every order in which threads and store buffers can go. */
import t from 'tap'
import { SharedRandom } from '../torture/explore/schedule/random.ts'
import { outcomesOf } from './helpers/models.ts'
import { record } from './helpers/recorded.ts'
import { compare } from './helpers/tso-classes.ts'
import { finished, generate, TIMES } from './helpers/tso-programs.ts'

const SHAPES = [
  { programs: 30, lengths: [2, 2], waits: false },
  { programs: 25, lengths: [3, 2], waits: true },
  { programs: 3, lengths: [3, 3], waits: false },
  { programs: 15, lengths: [2, 1, 1], waits: false },
  { programs: 12, lengths: [2, 2, 1], waits: true },
]
for (const { programs, lengths, waits } of SHAPES)
  t.test(`${programs} programs of ${lengths.join(', ')} operations${waits ? ' that wait' : ''}`, async t => {
    const random = new SharedRandom(new Uint32Array(4))
    random.seed(TIMES)
    let [classes, all] = [0, 0]
    for (let n = 0; n < TIMES * programs; n++) {
      const subject = generate(random, lengths, waits)
      const compared = compare(subject)
      if (compared.wrong !== '') t.fail(`${subject.text}: ${compared.wrong}`)
      record()
      const allowed = finished(outcomesOf(subject, 'tso'))
      const found = finished(compared.outcomes)
      if (found.join() !== allowed.join()) t.strictSame(found, allowed, subject.text)
      classes += compared.classes
      all += compared.all
    }
    t.ok(classes < all / 2, `${classes} classes of ${all} schedules`)
  })
