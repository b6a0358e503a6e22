/**
 * Makes train.tsv and dev.tsv of the two files of SUBJ (Pang and Lee 2004): every n-th sentence of each to dev.tsv, the others to train.tsv.
 *
 *     node scripts/split-subj.mjs DIRECTORY OUT [n = 5]
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [directory, out, every = '5'] = process.argv.slice(2)
const n = Number(every)
if (out === undefined || !(Number.isInteger(n) && n >= 2)) {
  console.error('usage: node scripts/split-subj.mjs DIRECTORY OUT [n: every n-th sentence is for dev, 2 or more]')
  process.exit(2)
}
const sentences = (file) =>
  readFileSync(join(directory, file), 'latin1')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
const files = [
  ['subjective', sentences('quote.tok.gt9.5000')],
  ['objective', sentences('plot.tok.gt9.5000')]
]
mkdirSync(out, { recursive: true })
for (const split of ['train', 'dev']) {
  const rows = files.flatMap(([label, all]) =>
    all.filter((_, i) => (i % n === 0) === (split === 'dev')).map((sentence) => `${sentence}\t${label}`)
  )
  writeFileSync(join(out, `${split}.tsv`), ['sentence\tlabel', ...rows, ''].join('\n'))
  console.log(`${split}.tsv: ${rows.length} sentences`)
}
