// Fine-tunes a pre-trained model on every task whose data is there, and the same architecture from random weights beside it:
//   node scripts/downstream.mjs MODEL DATA OUT [examples]
// MODEL is a run or a model directory, DATA holds a directory for each task, OUT is written: a directory a run, and results.md with the
// table. What is finished is not computed again.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'

const [model, data, out, limit = '3000'] = process.argv.slice(2)

/** Task, its directory in DATA, the number that it is compared by, and options where they are not the task's own. */
const rows = [
  ['cola', 'CoLA', 'matthews', ['--dev', 'in_domain_dev', '--sequence-length', '64']],
  ['sst', 'SST-2', 'accuracy', ['--sequence-length', '64']],
  ['mrpc', 'MRPC', 'accuracy', ['--sequence-length', '96']],
  ['sts', 'STS-B', 'spearman', ['--sequence-length', '64', '--epochs', '5']],
  ['qnli', 'QNLI', 'accuracy', ['--sequence-length', '96']],
  ['rte', 'RTE', 'accuracy', ['--sequence-length', '128', '--epochs', '5']],
  ['wnli', 'WNLI', 'accuracy', ['--sequence-length', '64']],
  [
    'sentence',
    'SUBJ',
    'accuracy',
    ['--train', 'train.tsv', '--dev', 'dev.tsv', '--text-a', 'sentence', '--label', 'label', '--sequence-length', '64']
  ],
  ['squad', 'SQuAD', 'f1', ['--sequence-length', '128']],
  ['pos', 'UD_English-EWT', 'accuracy', ['--sequence-length', '64']]
]

const command = new URL('../dist/electra/cli/bin.js', import.meta.url).pathname

const run = (task, directory, options, name, fromScratch) => {
  const where = join(out, name)
  const isThere = existsSync(join(where, 'trial-1'))
  const inData = options.map((option) => (/^(train|dev)\.tsv$/.test(option) ? join(data, directory, option) : option))
  const { status } = spawnSync(
    process.execPath,
    [
      command,
      ...['finetune', '--task', task, '--model', model, '--out', where, '--workers', '2', '--limit', limit],
      ...(task === 'sentence' ? [] : ['--data', join(data, directory)]),
      ...(fromScratch ? ['--from-scratch'] : []),
      ...(isThere ? ['--resume'] : []),
      ...inData
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] }
  )
  if (status !== 0) return undefined
  return JSON.parse(readFileSync(join(where, 'results.json'), 'utf8'))
}

mkdirSync(out, { recursive: true })
const table = []
for (const [task, directory, metric, options] of rows) {
  if (!existsSync(join(data, directory))) continue
  const found = [false, true].map((fromScratch) =>
    run(task, directory, options, `${directory}${fromScratch ? '-random' : ''}`, fromScratch)
  )
  table.push({ task, directory, metric, found })
  writeFileSync(join(out, 'table.json'), JSON.stringify(table))
}
