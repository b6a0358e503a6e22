/**
 * Fused programs for people: what each kernel computes as formulas, its work and its traffic, and who carries it out.
 */

import type { Contraction } from './kernel.js'
import type { Shape } from '../shape.js'
import { bytesOf, flopsOf } from './cost.js'
import type { DeviceLimits } from './device-limits.js'
import { axesOf, batchNames, formulasOf } from './explain/formulas.js'
import {
  readsOfFused,
  writesOfFused,
  type FusedKernel,
  type FusedLoop,
  type FusedProgram,
  type FusedStep
} from './fused.js'
import { legendOf } from './explain/legend.js'
import { printProgram } from './print.js'
import type { Program } from './program.js'
import { axisNames } from './explain/subscript.js'

const nameOf = (step: FusedStep): string | undefined => {
  switch (step._tag) {
    case 'constant':
    case 'load':
    case 'index':
      return undefined
    case 'lookup':
      return 'gather'
    case 'unary':
    case 'binary':
    case 'compare':
      return step.fn
    case 'select':
    case 'cast':
    case 'random':
      return step._tag
    case 'fold':
      return `${step.fn}(row)`
  }
}

const operations = ({ body, stores }: FusedLoop): string => {
  const named = body.flatMap((step) => nameOf(step) ?? [])
  const ends = stores.flatMap(({ combine, scatter }) =>
    scatter !== undefined ? ['scatter'] : combine === undefined ? [] : [`${combine}(column)`]
  )
  const all = [...named, ...ends]
  if (all.length > 0) return all.join(' ')
  return body.some((step) => step._tag === 'load') ? 'copy' : 'fill'
}

/** `[8, 4] 128 x 128 x 64`: the batch, then the sizes m, n and k. */
const sizesOf = ({ batch, m, n, k }: Contraction): string =>
  `${batch.length === 0 ? '' : `[${batch.join(', ')}] `}${m} x ${n} x ${k}`

/** A kernel on one line, the same for all that differ in buffers only: `loop [1024, 256] add mul sum(row) rsqrt ...`. */
export const describeKernel = (kernel: FusedKernel): string => {
  switch (kernel._tag) {
    case 'loop':
      return `loop [${kernel.extents.join(', ')}] ${operations(kernel)}`
    case 'contraction':
      return `product ${sizesOf(kernel.contraction)}`
    case 'panels':
      return `by panels of ${kernel.batches}: ${describeKernel(kernel.product)}, ${describeKernel(kernel.loop)}`
    case 'random':
      return `random bits [${kernel.size}]`
  }
}

/** What a device makes of a program. */
export type Explainable = {
  readonly program: Program
  /** What it was compiled to; `undefined` where a device carries programs out as they are. */
  readonly kernels: FusedProgram | undefined
  /** Its buffers that the device stores as float16; none where not given. */
  readonly halves?: ReadonlySet<number>
  /** For what device. */
  readonly limits: DeviceLimits
  /** Who multiplies a contraction: `own` is the device's own code. */
  readonly multipliedBy: (contraction: Contraction) => string
  /** Why a multiplier that was asked for leaves a contraction to the device; `undefined` of those that it takes. */
  readonly declined?: (contraction: Contraction) => string | undefined
}

type Explained = Explainable & { readonly kernels: FusedProgram }

/** `[i < 16, j < 64]` */
const ranges = (axes: ReadonlyArray<string>, extents: Shape): string =>
  `[${axes.map((axis, i) => `${axis} < ${extents[i]}`).join(', ')}]`

const productRanges = ({ batch, m, n, k }: Contraction): string =>
  `${batch.length === 0 ? '' : `${ranges(batchNames(batch), batch)} `}m ${m}, n ${n}, k ${k}`

const titleOf = (kernel: FusedKernel, multipliedBy: Explained['multipliedBy']): string => {
  switch (kernel._tag) {
    case 'loop':
      return `loop ${ranges(axisNames(kernel.extents), kernel.extents)}`
    case 'contraction':
      return `product ${productRanges(kernel.contraction)} by ${multipliedBy(kernel.contraction)}`
    case 'panels': {
      const [product, loop] = [kernel.product, kernel.loop].map((part) => titleOf(part, multipliedBy))
      return `by panels of ${kernel.batches}: ${product}; ${loop}`
    }
    case 'random':
      return `random bits [${kernel.size}]`
  }
}

const widestLine = 140

/** A head and what it lists, on as few lines as will do. */
const listed = (head: string, items: ReadonlyArray<string>): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = head
  items.forEach((item, i) => {
    const next = `${item}${i === items.length - 1 ? '' : ','}`
    if (line.length + 1 + next.length <= widestLine || i === 0) line = `${line} ${next}`
    else {
      lines.push(line)
      line = `    ${next}`
    }
  })
  return [...lines, line]
}

/** A line that says how and how much, the rest of the names in it, and what it computes. */
const explainKernel = (kernel: FusedKernel, { program, kernels, halves, limits, multipliedBy }: Explained): string => {
  const used = [...readsOfFused(kernel), ...writesOfFused(kernel)]
  const { nameOf, entries } = legendOf(program, used, axesOf(kernel))
  const buffers = { nameOf, sizeOf: (buffer: number) => kernels.buffers[buffer].size }
  const bytes = bytesOf(kernel, { ...kernels, halves }, limits)
  return [
    `${titleOf(kernel, multipliedBy)}: ${flopsOf(kernel, limits)} flops, ${bytes} bytes`,
    ...entries.flatMap(([path, names]) => listed(`  ${path}:`, names)),
    ...formulasOf(kernel, buffers).map((formula) => `  ${formula}`)
  ].join('\n')
}

/** How many arrays a device stores as float16, and how many bytes less they take; `undefined` where it stores none so. */
export const halvesIn = ({
  kernels,
  halves = new Set()
}: Pick<Explainable, 'kernels' | 'halves'>): { readonly arrays: number; readonly savedBytes: number } | undefined =>
  kernels === undefined || halves.size === 0
    ? undefined
    : {
        arrays: halves.size,
        savedBytes: [...halves].reduce((sum, buffer) => sum + 2 * kernels.buffers[buffer].size, 0)
      }

/** Each distinct text with how often it is there: `2 of a`. */
const counted = (texts: ReadonlyArray<string>): ReadonlyArray<string> =>
  [...new Set(texts)].map((text) => `${texts.filter((other) => other === text).length} of ${text}`)

/** What a run does not do in code that the device has compiled: a line for each multiplier. Then what that was to do, and did not. */
const explainOutside = ({ kernels, multipliedBy, declined }: Explained): ReadonlyArray<string> => {
  const products = kernels.kernels.flatMap((kernel) =>
    kernel._tag === 'contraction' ? [kernel.contraction] : kernel._tag === 'panels' ? [kernel.product.contraction] : []
  )
  const others = [...new Set(products.map(multipliedBy))].filter((by) => by !== 'own')
  const left = products.flatMap((product) => {
    const why = declined?.(product)
    return why === undefined ? [] : [`${sizesOf(product)}, as ${why}`]
  })
  const leftLines = counted(left).map((text) => `  left to the device: ${text}`)
  if (others.length === 0) return ['outside compiled code: nothing', ...leftLines]
  return [
    ...others.flatMap((by) => {
      const theirs = products.filter((product) => multipliedBy(product) === by)
      const head = `outside compiled code: ${theirs.length} of ${products.length} products, by ${by}:`
      return listed(head, counted(theirs.map(sizesOf)))
    }),
    ...leftLines
  ]
}

const explainKernels = (explained: Explained): string =>
  [...explained.kernels.kernels.map((kernel) => explainKernel(kernel, explained)), ...explainOutside(explained)].join(
    '\n'
  )

/**
 * What a run of a compiled step computes, as text for people: every kernel with its work, its traffic and its formulas, then what
 * runs outside compiled code.
 *
 *     loop [i < 1024, j < 256]: 1310720 flops, 2097152 bytes
 *       m = max_row(x)
 *       e = exp(x - m)
 *       s = sum_row(e)
 *       out = e / s
 *     outside compiled code: nothing
 */
export const explain = ({ kernels, ...rest }: Explainable): string =>
  kernels === undefined
    ? `${printProgram(rest.program)}\noutside compiled code: everything, interpreted one line after another`
    : explainKernels({ ...rest, kernels })
