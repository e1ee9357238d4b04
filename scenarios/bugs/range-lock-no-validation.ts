import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'range-lock-no-validation',
  title: 'a writer of a range does not look whether a reader came in before it',
  story: `In the list of a range lock a writer has passed a short reader and is about to get in behind it. Meanwhile another
    reader, of a wide range that begins earlier, gets in before the short one: readers may overlap, so it does not wait.
    It looks forward for writers, and there is none yet. Now the writer gets in, at a link that nobody has touched. Only
    a walk from the head shows it the wide reader, and then it has to give way. The mutant does not walk, and both are in
    the same range.`,
  source: 'Kogan, Dice, Issa, EuroSys 2020: the validation of the reader-writer range lock',
  scenarios: ['ranges'],
  site: 'range-lock/before-insert',
  oracle: ['CNT', 'DATA'],
  hardness: 'D',
  jitter: 'high',
  params: { 'long-holds': 20, slots: 8, nested: 100 },
})
