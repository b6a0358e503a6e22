// Fine-tunes both networks of a run on every task whose data is there, and the main one's architecture from random weights:
//   node scripts/downstream.mjs MODEL DATA OUT [examples]
// MODEL is a finished run, DATA holds a directory for each task, OUT is written: a directory a run, and results.md with the
// table. What is finished is not computed again.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'

const [model, data, out, limit = '2000'] = process.argv.slice(2)

/** As the models were pre-trained: without dropout; and with one rate for all layers, since there are few. */
const recipe = ['--dropout', '0', '--layer-decay', '0', '--learning-rate', '5e-4', '--epochs', '4']

/** Task, its directory in DATA, the number that it is compared by, and options of its own. */
const rows = [
  ['cola', 'CoLA', 'matthews', ['--dev', 'in_domain_dev', '--sequence-length', '48']],
  ['sst', 'SST-2', 'accuracy', ['--sequence-length', '48']],
  ['mrpc', 'MRPC', 'accuracy', ['--sequence-length', '96']],
  ['sts', 'STS-B', 'spearman', ['--sequence-length', '64']],
  ['qnli', 'QNLI', 'accuracy', ['--sequence-length', '96']],
  ['rte', 'RTE', 'accuracy', ['--sequence-length', '96']],
  ['wnli', 'WNLI', 'accuracy', ['--sequence-length', '64']],
  [
    'sentence',
    'SUBJ',
    'accuracy',
    ['--train', 'train.tsv', '--dev', 'dev.tsv', '--text-a', 'sentence', '--label', 'label', '--sequence-length', '48']
  ],
  ['squad', 'SQuAD', 'best_f1', ['--sequence-length', '128']],
  ['pos', 'UD_English-EWT', 'accuracy', ['--sequence-length', '48']]
]

const command = new URL('../dist/electra/cli/bin.js', import.meta.url).pathname

const starts = [
  ['main', []],
  ['generator', []],
  ['random', ['--from-scratch']]
]

const modelOf = (start) => (start === 'generator' ? join(model, 'model', 'generator') : model)

const run = (task, directory, options, start, more) => {
  const where = join(out, `${directory}-${start}`)
  const inData = options.map((option) => (/^(train|dev)\.tsv$/.test(option) ? join(data, directory, option) : option))
  const results = join(where, 'results.json')
  if (!existsSync(results)) {
    const { status } = spawnSync(
      process.execPath,
      [
        command,
        ...['finetune', '--task', task, '--model', modelOf(start), '--out', where, '--workers', '2', '--limit', limit],
        ...(task === 'sentence' ? [] : ['--data', join(data, directory)]),
        ...(existsSync(where) ? ['--resume'] : []),
        ...[...recipe, ...inData, ...more]
      ],
      { stdio: ['ignore', 'inherit', 'inherit'] }
    )
    if (status !== 0) throw new Error(`${task}, ${start}: failed`)
  }
  return JSON.parse(readFileSync(results, 'utf8')).splits
}

/** The report of the split that stands for dev. */
const devOf = (splits) => splits.dev ?? Object.values(splits)[0]

const shown = (x) => (x === undefined || !Number.isFinite(x) ? '-' : x.toFixed(Math.abs(x) > 1.5 ? 1 : 3))

mkdirSync(out, { recursive: true })
const lines = [
  '| task | number | pre-trained, main network | pre-trained, generator | random weights | majority |',
  '| --- | --- | --- | --- | --- | --- |'
]
for (const [task, directory, metric, options] of rows) {
  if (!existsSync(join(data, directory))) continue
  const found = starts.map(([start, more]) => devOf(run(task, directory, options, start, more))[metric])
  const cells = [directory, metric, ...found.map((x) => shown(x?.median)), shown(found[0]?.majority)]
  lines.push(`| ${cells.join(' | ')} |`)
  writeFileSync(join(out, 'results.md'), `${lines.join('\n')}\n`)
}
