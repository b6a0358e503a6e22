/**
 * Fused programs: what a device runs. Loop nests that compute many values and write many buffers, row by row.
 *
 * The last axis of a nest is its row. Reductions along the row are steps (`fold`), and what they give can be used by later
 * steps of the same row: a softmax or a layer norm is one loop. Reductions along the other axes are stores that combine.
 * Buffers are numbered as in `kernel.ts`, and no loop reads a buffer that it writes.
 */

import type { DType } from '../dtype.js'
import type { Reduction } from '../elementwise.js'
import { readsOf, type Affine, type BufferSpec, type LoopStep, type Product, type Random, type View } from './kernel.js'
import type { Shape } from '../shape.js'

/** As in `kernel.ts`, over all axes of the nest; and the reduction of earlier step `x` along the row. */
export type FusedStep =
  LoopStep | { readonly _tag: 'fold'; readonly dtype: DType; readonly fn: Reduction; readonly x: number }

/**
 * Where the value of a step goes.
 *
 * `at` moves along the row: element by element. It does not: once per row, and the value is then the same along the row.
 *
 * Without `combine` an element is written once, or several times with one value. With it, all elements of the buffer are first set to
 * the reduction's identity, and values are combined into them in row-major order of the nest.
 *
 * With `scatter` (and `combine` is then 'sum') every point of the nest adds its value at `at + j * stride`, with `j` the value of i32
 * step `index`; values for `j` outside `[0, extent)` are dropped. That is so whether or not `at` moves along the row.
 */
export type Store = {
  readonly buffer: number
  readonly at: Affine
  readonly value: number
  readonly combine: Reduction | undefined
  readonly scatter: { readonly index: number; readonly extent: number; readonly stride: number } | undefined
}

export type FusedLoop = {
  readonly _tag: 'loop'
  /** At least one axis, all of extent 1 or more. */
  readonly extents: Shape
  readonly body: ReadonlyArray<FusedStep>
  readonly stores: ReadonlyArray<Store>
}

/**
 * A batched product and a loop that reads its result, by turns: `batches` matrices, then `rows` steps of the loop's first
 * axis, which read those and no others. Where the result `isLocal` only one such panel of it is kept.
 */
export type Panels = {
  readonly _tag: 'panels'
  readonly product: Product
  readonly loop: FusedLoop
  readonly rows: number
  readonly batches: number
  readonly isLocal: boolean
}

export type FusedKernel = FusedLoop | Product | Panels | Random

export type FusedProgram = {
  readonly inputs: number
  readonly outputs: number
  /** `inputs` of them, then `outputs`, then temporaries. */
  readonly buffers: ReadonlyArray<BufferSpec>
  readonly kernels: ReadonlyArray<FusedKernel>
}

/** For each step, whether its value varies along the row. */
export const variesAlongRow = ({ extents, body }: FusedLoop): ReadonlyArray<boolean> => {
  const row = extents.length - 1
  const varies: Array<boolean> = []
  for (const step of body) varies.push(stepVaries(step, row, varies))
  return varies
}

const stepVaries = (step: FusedStep, row: number, varies: ReadonlyArray<boolean>): boolean =>
  step._tag !== 'fold' && (('at' in step && step.at.strides[row] !== 0) || operandsOf(step).some((x) => varies[x]))

/** The steps that a step reads. */
export const operandsOf = (step: FusedStep): ReadonlyArray<number> => {
  switch (step._tag) {
    case 'constant':
    case 'index':
    case 'load':
      return []
    case 'lookup':
      return [step.index]
    case 'unary':
    case 'cast':
    case 'fold':
      return [step.x]
    case 'binary':
    case 'compare':
      return [step.x, step.y]
    case 'select':
      return [step.condition, step.ifTrue, step.ifFalse]
    case 'random':
      return [...step.key, ...step.counter]
  }
}

/** A step with its accesses and operands replaced. */
export const mapStep = (step: FusedStep, at: (a: Affine) => Affine, operand: (x: number) => number): FusedStep => {
  switch (step._tag) {
    case 'constant':
      return step
    case 'index':
    case 'load':
      return { ...step, at: at(step.at) }
    case 'lookup':
      return { ...step, at: at(step.at), index: operand(step.index) }
    case 'unary':
    case 'cast':
    case 'fold':
      return { ...step, x: operand(step.x) }
    case 'binary':
    case 'compare':
      return { ...step, x: operand(step.x), y: operand(step.y) }
    case 'select':
      return {
        ...step,
        condition: operand(step.condition),
        ifTrue: operand(step.ifTrue),
        ifFalse: operand(step.ifFalse)
      }
    case 'random': {
      const both = ([a, b]: readonly [number, number]): readonly [number, number] => [operand(a), operand(b)]
      return { ...step, at: at(step.at), key: both(step.key), counter: both(step.counter) }
    }
  }
}

/** What has accesses: a loop, and what becomes one. */
type Accessing = {
  readonly body: ReadonlyArray<FusedStep>
  readonly stores: ReadonlyArray<{ readonly at: Affine }>
}

/** The same with its accesses replaced. */
export const mapAccesses = <A extends Accessing>(nest: A, at: (a: Affine) => Affine): A => ({
  ...nest,
  body: nest.body.map((step) => mapStep(step, at, (x) => x)),
  stores: nest.stores.map((store) => ({ ...store, at: at(store.at) }))
})

/** A loop with its buffers called by other numbers. */
export const loopWithBuffers = (loop: FusedLoop, number: (buffer: number) => number): FusedLoop => ({
  ...loop,
  body: loop.body.map((step) => ('buffer' in step ? { ...step, buffer: number(step.buffer) } : step)),
  stores: loop.stores.map((store) => ({ ...store, buffer: number(store.buffer) }))
})

/** Random bits with their buffers called by other numbers. */
export const randomWithBuffers = (random: Random, number: (buffer: number) => number): Random => {
  const moved = (view: View): View => ({ ...view, buffer: number(view.buffer) })
  return { ...random, key: moved(random.key), counter: moved(random.counter), out: number(random.out) }
}

/** The buffers that a kernel reads, each once, in order of first use. */
export const readsOfFused = (kernel: FusedKernel): ReadonlyArray<number> => {
  if (kernel._tag !== 'panels') return readsOf(kernel)
  const reads = [...readsOf(kernel.product), ...readsOf(kernel.loop)]
  return [...new Set(reads.filter((buffer) => buffer !== kernel.product.out))]
}

/** The buffers that a kernel writes, each once. */
export const writesOfFused = (kernel: FusedKernel): ReadonlyArray<number> => {
  switch (kernel._tag) {
    case 'loop':
      return [...new Set(kernel.stores.map(({ buffer }) => buffer))]
    case 'panels':
      return [kernel.product.out, ...writesOfFused(kernel.loop)]
    case 'contraction':
    case 'random':
      return [kernel.out]
  }
}
