// Fine-tunes both networks of a run on every task whose data is there, and the main one's architecture from random weights:
//   node scripts/downstream.mjs MODEL DATA OUT [--examples 2000] [--rates 2e-4,8e-4] [--trials 3] [--jobs 2] [--tasks CoLA,RTE]
// MODEL is a finished run, DATA holds a directory for each task, OUT is written: a directory a run, and results.md with the
// table. Every start tries all rates with one seed, and is judged by trials with other seeds at the rate that did best on dev.
// What is finished is not computed again.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync, mkdirSync, createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    examples: { type: 'string', default: '2000' },
    rates: { type: 'string', default: '2e-4,8e-4' },
    trials: { type: 'string', default: '3' },
    jobs: { type: 'string', default: '2' },
    tasks: { type: 'string' }
  }
})
const [model, data, out] = positionals
const rates = values.rates.split(',')

/** One rate for all layers, since there are few; dropout as in pre-training. */
const recipe = ['--layer-decay', '0', '--epochs', '4']

/** A task's directory in DATA, its name, the number that it is compared by, and options of its own. */
const all = [
  ['CoLA', 'cola', 'matthews', ['--dev', 'in_domain_dev', '--sequence-length', '48']],
  ['SST-2', 'sst', 'accuracy', ['--sequence-length', '48']],
  ['MRPC', 'mrpc', 'accuracy', ['--sequence-length', '96']],
  ['STS-B', 'sts', 'spearman', ['--sequence-length', '64']],
  ['QNLI', 'qnli', 'accuracy', ['--sequence-length', '96']],
  ['RTE', 'rte', 'accuracy', ['--sequence-length', '96']],
  ['WNLI', 'wnli', 'accuracy', ['--sequence-length', '64']],
  [
    'SUBJ',
    'sentence',
    'accuracy',
    ['--train', 'train.tsv', '--dev', 'dev.tsv', '--text-a', 'sentence', '--label', 'label', '--sequence-length', '48']
  ],
  ['SQuAD', 'squad', 'best_f1', ['--sequence-length', '128']],
  ['UD_English-EWT', 'pos', 'accuracy', ['--sequence-length', '48']]
]
const order = values.tasks?.split(',') ?? all.map(([directory]) => directory)
const rows = order.flatMap((name) =>
  all.filter(([directory]) => directory === name && existsSync(join(data, directory)))
)

const starts = ['main', 'generator', 'random']

const command = new URL('../dist/electra/cli/bin.js', import.meta.url).pathname

const finetune = ([directory, task, , options], start, rate, seed, trials) => {
  const where = join(out, `${directory}-${start}-${rate}-${seed}`)
  const results = join(where, 'results.json')
  const read = () => JSON.parse(readFileSync(results, 'utf8')).splits
  if (existsSync(results)) return Promise.resolve(read())
  const inData = options.map((option) => (/^(train|dev)\.tsv$/.test(option) ? join(data, directory, option) : option))
  const args = [
    command,
    ...['finetune', '--task', task, '--out', where, '--limit', values.examples],
    ...['--model', start === 'generator' ? join(model, 'model', 'generator') : model],
    ...['--learning-rate', rate, '--seed', seed, '--trials', trials],
    ...(start === 'random' ? ['--from-scratch'] : []),
    ...(task === 'sentence' ? [] : ['--data', join(data, directory)]),
    ...(existsSync(where) ? ['--resume'] : []),
    ...recipe,
    ...inData
  ]
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    child.stdout.pipe(createWriteStream(`${where}.log`))
    child.on('exit', (status) => {
      console.log(`${new Date().toTimeString().slice(0, 8)} ${where}${status === 0 ? '' : ': failed'}`)
      if (status === 0) resolve(read())
      else reject(new Error(`${where}: failed`))
    })
  })
}

/** The report of the split that stands for dev. */
const devOf = (splits, metric) => (splits.dev ?? Object.values(splits)[0])[metric]

const finite = (x) => (x !== undefined && Number.isFinite(x) ? x : -Infinity)

/** One start of one task: which rate did best, and what its trials came to. */
const judged = async (row, start) => {
  const tried = []
  for (const rate of rates) tried.push([rate, finite(devOf(await finetune(row, start, rate, '1', '1'), row[2]).median)])
  const [rate] = tried.reduce((a, b) => (b[1] > a[1] ? b : a))
  return { rate, ...devOf(await finetune(row, start, rate, '11', values.trials), row[2]) }
}

const shown = (x) => (x === undefined || !Number.isFinite(x) ? '-' : x.toFixed(Math.abs(x) > 1.5 ? 1 : 3))
const cell = (r) =>
  r === undefined ? '' : `${shown(r.mean)}${r.deviation === undefined ? '' : ` ± ${shown(r.deviation)}`} (${r.rate})`

mkdirSync(out, { recursive: true })
const done = new Map()
const write = () => {
  const lines = rows.map((row) => {
    const [directory, , metric] = row
    const of = starts.map((start) => done.get(`${directory} ${start}`))
    return `| ${[directory, metric, ...of.map(cell), shown(of.find((r) => r)?.majority)].join(' | ')} |`
  })
  const head = [
    '| task | number | main network | generator | random weights | majority |',
    '| --- | --- | --- | --- | --- | --- |'
  ]
  writeFileSync(join(out, 'results.md'), `${[...head, ...lines].join('\n')}\n`)
}

const queue = rows.flatMap((row) => starts.map((start) => [row, start]))
const work = async () => {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const [row, start] = next
    done.set(`${row[0]} ${start}`, await judged(row, start))
    write()
  }
}
await Promise.all(Array.from({ length: Number(values.jobs) }, work))
