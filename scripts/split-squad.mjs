/**
 * Splits a file of SQuAD's JSON by article: every n-th article to dev.json, the others to train.json, in their order.
 *
 *     node scripts/split-squad.mjs FILE DIRECTORY [n = 4]
 *
 * For trying where one half of the data set is all there is: no article is in both, so no text is.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [file, directory, every = '4'] = process.argv.slice(2)
const n = Number(every)
if (directory === undefined || !(Number.isInteger(n) && n >= 2)) {
  console.error('usage: node scripts/split-squad.mjs FILE DIRECTORY [n: every n-th article is for dev, 2 or more]')
  process.exit(2)
}
const { data, ...rest } = JSON.parse(readFileSync(file, 'utf8'))
const isDev = (_, i) => i % n === n - 1
const splits = { train: data.filter((a, i) => !isDev(a, i)), dev: data.filter(isDev) }
mkdirSync(directory, { recursive: true })
for (const [split, articles] of Object.entries(splits)) {
  const questions = articles.flatMap(({ paragraphs }) => paragraphs.flatMap(({ qas }) => qas))
  writeFileSync(join(directory, `${split}.json`), JSON.stringify({ ...rest, data: articles }))
  console.log(`${split}.json: ${articles.length} articles, ${questions.length} questions`)
}
