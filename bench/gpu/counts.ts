/**
 * What a step of training does to a GPU, counted from its programs as the device compiles them for a real card: launches, bytes,
 * arithmetic, tiles for each processor. Beside it the step as it would be written by hand (`ideal.ts`). No GPU is needed.
 */

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { gpuLimits, type GpuLimits } from '../../src/tensor/program/gpu/gpu-limits.js'
import type { Precision } from '../../src/tensor/program/gpu/storages.js'
import { sizeOf } from '../../src/tensor/shape.js'
import { idealStep, type IdealPart } from './ideal.js'
import { updateOf } from './flat-update.js'
import { digits, markdown, type Table } from './markdown.js'
import { nameOf, parsedStep, trainingOf, type StepSize } from './programs.js'
import { distinct, layoutOf, shapeOf } from './shapes.js'
import { countsOf, tilingOf, type Counted, type Traffic } from './traffic.js'

const { values: options } = parseArgs({
  options: {
    steps: { type: 'string', default: 'small:128x128,base:32x512' },
    buffers: { type: 'string', default: '8,10,16' },
    vocabulary: { type: 'string', default: '30522' },
    out: { type: 'string' },
    help: { type: 'boolean', default: false }
  }
})

const processors = 132

/** As a large card offers them through Dawn. */
const cardLimits = (kernelBuffers: number, precision: Precision = 'float32'): GpuLimits =>
  gpuLimits(
    {
      maxStorageBuffersPerShaderStage: kernelBuffers,
      maxStorageBufferBindingSize: 2 ** 31 - 4,
      maxComputeWorkgroupsPerDimension: 65535,
      maxComputeInvocationsPerWorkgroup: 1024,
      maxComputeWorkgroupStorageSize: 48 * 1024
    },
    false,
    { precision, matrices: false }
  )

const sum = (list: ReadonlyArray<number>): number => list.reduce((total, x) => total + x, 0)
const bytesOf = (launches: ReadonlyArray<Traffic>): number => sum(launches.map(({ bytes }) => bytes))
const flopsOf = (launches: ReadonlyArray<Traffic>): number => sum(launches.map(({ flops }) => flops))
const isProduct = ({ kind }: Traffic): boolean => kind === 'contraction'
const gigabytes = (bytes: number): string => digits(bytes / 1e9)

type Whole = {
  readonly buffers: number
  readonly precision: Precision
  readonly grad: Counted
  readonly update: Counted
}

/** What tells it from the others. */
const titleOf = ({ buffers, precision }: Whole): string =>
  `${buffers} buffers${precision === 'mixed' ? ', mixed precision' : ''}`

const kinds = [
  'contraction',
  'products',
  'several',
  'row',
  'finish',
  'map',
  'random',
  'links',
  'gatheredSums',
  'spread'
] as const

const allOf = ({ grad, update }: Whole): ReadonlyArray<Traffic> => [...grad.launches, ...update.launches]

const byKind = (name: string, wholes: ReadonlyArray<Whole>): Table => ({
  title: `${name}: launches and GB by kind`,
  columns: ['kind', ...wholes.flatMap((whole) => [`launches, ${titleOf(whole)}`, `GB, ${titleOf(whole)}`])],
  rows: kinds.map((kind) => [
    kind,
    ...wholes.flatMap((whole) => {
      const of = allOf(whole).filter((traffic) => traffic.kind === kind)
      return [of.length, gigabytes(bytesOf(of))]
    })
  ])
})

const kernelsOf = ({ grad, update }: Whole): ReadonlyArray<Traffic> => [...grad.kernels, ...update.kernels]

const row = (whole: Whole): ReadonlyArray<string | number> => {
  const all = allOf(whole)
  const products = kernelsOf(whole).filter(isProduct)
  return [
    `ours, ${titleOf(whole)}`,
    all.length,
    gigabytes(bytesOf(all)),
    gigabytes(bytesOf(products)),
    digits(flopsOf(products) / 1e12),
    digits(flopsOf(all) / bytesOf(all)),
    gigabytes(Math.max(whole.grad.temporaries, whole.update.temporaries))
  ]
}

const idealRow = (name: string, ideal: ReadonlyArray<IdealPart>, flops: number): ReadonlyArray<string | number> => {
  const bytes = 4 * sum(ideal.map(({ elements }) => elements))
  return [name, sum(ideal.map(({ launches }) => launches)), gigabytes(bytes), '', '', digits(flops / bytes), '']
}

type Ideals = { readonly stored: ReadonlyArray<IdealPart>; readonly flash: ReadonlyArray<IdealPart> }

const summary = (name: string, wholes: ReadonlyArray<Whole>, { stored, flash }: Ideals): Table => {
  const flops = flopsOf(kernelsOf(wholes[0]).filter(isProduct))
  const ideal = (parts: ReadonlyArray<IdealPart>): number => 4 * sum(parts.map(({ elements }) => elements))
  return {
    title: `${name}: the whole step`,
    columns: ['', 'launches', 'GB', 'GB of products', 'TFLOP of products', 'FLOP per byte', 'GB of temporaries'],
    rows: [
      ...wholes.map(row),
      idealRow('by hand, scores in memory', stored, flops),
      idealRow('by hand, scores on chip', flash, flops)
    ],
    notes: wholes.map((whole) => {
      const bytes = bytesOf(allOf(whole))
      return (
        `${titleOf(whole)}: ${digits(bytes / ideal(stored))} times the bytes of the step by hand${whole.precision === 'mixed' ? ', which is in float32,' : ''} with scores in memory, ` +
        `${digits(bytes / ideal(flash))} times those with scores on chip. The update is ${whole.update.launches.length} launches of these ` +
        `and ${gigabytes(bytesOf(whole.update.launches))} GB. A launch binds ${Math.max(whole.grad.bound, whole.update.bound)} buffers at most.`
      )
    })
  }
}

const idealTable = (name: string, { stored, flash }: Ideals): Table => ({
  title: `${name}: the step by hand`,
  columns: ['', 'launches, scores in memory', 'GB', 'launches, scores on chip', 'GB'],
  rows: stored.map(({ what, launches, elements }, i) => [
    what,
    launches,
    gigabytes(4 * elements),
    flash[i].launches,
    gigabytes(4 * flash[i].elements)
  ])
})

const productTable = (name: string, { grad }: Whole, limits: GpuLimits): Table => ({
  title: `${name}: products`,
  columns: ['m x n x k', 'times', '% of FLOP', 'FLOP per byte', 'tile', 'slices', 'tiles', 'tiles a processor'],
  rows: distinct(grad.kernels).map(({ contraction, times, share, flopsPerByte }) => {
    const { tile, slices, workgroups } = tilingOf(contraction, limits)
    return [
      `${shapeOf(contraction)}, ${layoutOf(contraction)}`,
      times,
      digits(100 * share),
      digits(flopsPerByte),
      `${tile.rows} x ${tile.columns}`,
      slices,
      workgroups,
      digits(workgroups / processors)
    ]
  })
})

const tablesOf = async (size: StepSize): Promise<ReadonlyArray<Table>> => {
  const training = trainingOf(size)
  const name = nameOf(size)
  const { program: update } = await updateOf(training)
  const buffers = options.buffers.split(',').map(Number)
  const counts = [
    ...buffers.map((count) => [count, 'float32'] as const),
    [buffers[buffers.length - 1], 'mixed'] as const
  ]
  const wholes = counts.map(([count, precision]): Whole => {
    const limits = cardLimits(count, precision)
    return {
      buffers: count,
      precision,
      grad: countsOf(training.step.shardGrad.program, limits),
      update: countsOf(update, limits)
    }
  })
  const parameters = sum(training.step.reads.map((i) => sizeOf(training.step.update.program.inputs[i].shape)))
  const ideals: Ideals = {
    stored: idealStep('stored', training.config, size.vocabulary, parameters),
    flash: idealStep('flash', training.config, size.vocabulary, parameters)
  }
  return [
    summary(name, wholes, ideals),
    byKind(name, wholes),
    idealTable(name, ideals),
    productTable(name, wholes[0], cardLimits(buffers[0]))
  ]
}

if (options.help) {
  console.log(
    'node bench/gpu/counts.mjs [--steps small:128x128,base:32x512] [--buffers 8,10,16] [--vocabulary 30522] [--out FILE.md]'
  )
} else {
  const tables: Array<Table> = []
  for (const text of options.steps.split(','))
    tables.push(...(await tablesOf(parsedStep(text, Number(options.vocabulary)))))
  const date = new Date().toISOString().slice(0, 10)
  const text = [
    `# A step counted, ${date}`,
    '',
    `One shard, dropout on, float32 but where mixed precision is said, a vocabulary of ${options.vocabulary}; compiled as for a card of ${processors} processors, whose kernels bind so many`,
    'buffers. Nothing was run: each launch is taken to move every element that it touches once. What the step by hand does,',
    'and why, says `bench/gpu/ideal.ts`.',
    '',
    ...tables.map(markdown)
  ].join('\n')
  console.log(text)
  if (options.out !== undefined) {
    mkdirSync(dirname(options.out), { recursive: true })
    writeFileSync(options.out, text)
  }
}
