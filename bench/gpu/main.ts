/**
 * What a GPU does for this library: adapter, parity, products, memory, whole steps, and the same steps in PyTorch. What cannot be
 * measured says why, in its row; what computes something wrong ends it.
 */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { peek } from '../../src/tensor/literal.js'
import type { Lowered } from '../../src/tensor/program/lower.js'
import { describeAdapter } from './adapter.js'
import { updateOf } from './flat-update.js'
import { timeLaunches, type TimedSource } from './launches.js'
import { markdown, type Table } from './markdown.js'
import { parity } from './parity.js'
import { products } from './products.js'
import { inputsOf, parsedStep, trainingOf, type Training } from './programs.js'
import { slug } from './slug.js'
import { attempt, stepTables } from './step-report.js'
import { measureStep } from './steps.js'
import { measureTorch, torchModes } from './torch.js'
import { triad } from './triad.js'

const presets = {
  card: {
    sizes: '512,1024,2048,4096,8192',
    shapes: 'small:128x128,base:32x512',
    steps: 'small:128x128,base:32x512',
    vocabulary: '30522',
    seconds: '0.2',
    'step-seconds': '5',
    megabytes: '512',
    programs: '60',
    share: '0.005'
  },
  small: {
    sizes: '128,256',
    shapes: 'tiny:2x32',
    steps: 'nano:4x16,tiny:2x32',
    vocabulary: '1018',
    seconds: '0.02',
    'step-seconds': '1',
    megabytes: '16',
    programs: '12',
    share: '0.05'
  }
} as const

const parts = ['parity', 'triad', 'products', 'steps', 'torch'] as const

const { values: given } = parseArgs({
  options: {
    small: { type: 'boolean', default: false },
    only: { type: 'string', default: parts.join(',') },
    half: { type: 'boolean', default: false },
    python: { type: 'string', default: process.env.PURE_ELECTRA_PYTHON ?? 'python3' },
    'torch-cpu': { type: 'boolean', default: false },
    out: { type: 'string' },
    sizes: { type: 'string' },
    shapes: { type: 'string' },
    steps: { type: 'string' },
    vocabulary: { type: 'string' },
    seconds: { type: 'string' },
    'step-seconds': { type: 'string' },
    megabytes: { type: 'string' },
    programs: { type: 'string' },
    share: { type: 'string' },
    help: { type: 'boolean', default: false }
  }
})

const help = `run.mjs [--small] [options]

  --small             sizes that a software adapter can do in some minutes
  --only A,B          of ${parts.join(', ')}
  --sizes N,N         squares, of products
  --shapes P:BxL,...  steps whose products are measured, as small:128x128
  --share X           products with less than this share of a step's arithmetic are left out
  --steps P:BxL,...   steps that are taken
  --vocabulary N      pieces
  --seconds X         of each product, three times; --step-seconds X of each kind of step
  --megabytes N       of an array of the triad
  --programs N        random programs that are checked
  --half              tiles with operands in f16, too
  --python PATH       a Python that may have PyTorch; --torch-cpu measures that without a GPU, too
  --out FOLDER        where the results go: DATE-ADAPTER.md and .json
`

/** Where the files lie that are not code: whoever starts this says so. */
const places = JSON.parse(process.env.PURE_ELECTRA_GPU_BENCH ?? '{}') as {
  readonly fixture: string
  readonly script: string
  readonly out: string
}

const preset = given.small ? presets.small : presets.card
const options = {
  ...preset,
  ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
} as {
  readonly [K in keyof typeof presets.card]: string
}
const wanted = new Set(given.only.split(','))

type Results = {
  readonly tables: Array<Table>
  readonly data: Record<string, unknown>
}

const sourceOf = ({ program, captured }: Lowered, given: TimedSource['given']): TimedSource => ({
  program,
  given: [...given, ...captured.map(peek)]
})

const launchesOf = async (training: Training) => {
  const { step } = training
  const update = await updateOf(training)
  const own = update.program.inputs.length - update.captured.length
  return timeLaunches([
    sourceOf(step.shardGrad, [...step.reads.map(() => undefined), ...inputsOf(training)]),
    sourceOf(
      update,
      Array.from({ length: own }, () => undefined)
    )
  ])
}

const measureAll = async (say: (table: Table) => void, data: Results['data'], isSoftware: boolean): Promise<void> => {
  if (wanted.has('parity'))
    // Whatever is wrong ends it.
    say(await parity({ programs: Number(options.programs), fixture: places.fixture }))
  if (wanted.has('triad')) {
    const tried = await attempt(() => triad(Number(options.megabytes), Number(options.seconds)))
    data.triad = 'value' in tried ? { bytesPerSecond: tried.value.bytesPerSecond } : tried
    say(
      'value' in tried
        ? tried.value.table
        : { title: 'Memory', columns: [], rows: [], notes: [`not measured: ${tried.why}`] }
    )
  }
  const vocabulary = Number(options.vocabulary)
  if (wanted.has('products')) {
    const tried = await attempt(() =>
      products({
        sizes: options.sizes.split(',').map(Number),
        steps: options.shapes.split(',').map((text) => parsedStep(text, vocabulary)),
        seconds: Number(options.seconds),
        half: given.half,
        leastShare: Number(options.share)
      })
    )
    data.products = 'value' in tried ? { best: tried.value.best } : tried
    if ('value' in tried) {
      tried.value.tables.forEach(say)
      if (tried.value.wrong.length > 0) throw new Error(`products are wrong: ${tried.value.wrong.join('; ')}`)
    } else say({ title: 'Products', columns: [], rows: [], notes: [`not measured: ${tried.why}`] })
  }
  const steps: Array<unknown> = []
  data.steps = steps
  if (!wanted.has('steps')) return
  for (const text of options.steps.split(',')) {
    const training = trainingOf(parsedStep(text, vocabulary))
    const seconds = Number(options['step-seconds'])
    const measured = {
      size: training.size,
      own: await attempt(() => measureStep(training, { products: 'own' }, seconds)),
      gpuJs: await attempt(() => measureStep(training, { products: 'gpu.js' }, seconds)),
      mixed: await attempt(() => measureStep(training, { precision: 'mixed' }, seconds)),
      launches: await attempt(() => launchesOf(training)),
      torch: await attempt(() =>
        wanted.has('torch')
          ? measureTorch(training, {
              python: given.python,
              script: places.script,
              seconds,
              cpu: given['torch-cpu'],
              modes: given.small ? torchModes.filter((mode) => mode.startsWith('eager')) : torchModes,
              patience: isSoftware ? 300 : 400
            })
          : Promise.reject(new Error('left out'))
      )
    }
    // Launch by launch they would fill a book: the tables have them by kind.
    const { launches, ...rest } = measured
    steps.push({ ...rest, spans: 'value' in launches ? launches.value.map(({ span }) => span) : [] })
    stepTables(measured).forEach(say)
  }
}

const main = async (): Promise<void> => {
  const adapter = await describeAdapter()
  const date = new Date().toISOString().slice(0, 10)
  const file = join(given.out ?? places.out, `${date}-${slug(adapter.name)}`)
  const results: Results = { tables: [], data: {} }
  const head = [
    `# GPU, ${date}: ${adapter.name}`,
    '',
    ...(adapter.isSoftware
      ? [
          '**A software adapter: this shows that everything runs and computes what it should. Its speed says nothing about a GPU.**',
          ''
        ]
      : []),
    ''
  ].join('\n')
  /** After every table: what comes next may take the process with it. */
  const say = (table: Table): void => {
    results.tables.push(table)
    console.log(markdown(table))
    mkdirSync(given.out ?? places.out, { recursive: true })
    writeFileSync(`${file}.md`, `${head}${results.tables.map(markdown).join('\n')}`)
    // Without the places of this machine.
    const asked = Object.fromEntries(Object.entries(options).filter(([name]) => name !== 'out' && name !== 'python'))
    const written = { date, adapter: adapter.name, isSoftware: adapter.isSoftware, options: asked, ...results }
    writeFileSync(`${file}.json`, JSON.stringify(written))
  }
  console.log(head)
  say(adapter.table)
  try {
    await measureAll(say, results.data, adapter.isSoftware)
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown)
    say({ title: 'FAILED', columns: [], rows: [], notes: [why] })
    process.exitCode = 1
  }
  console.error(`written: ${file}.md, ${file}.json`)
}

if (given.help) console.log(help)
else await main()
