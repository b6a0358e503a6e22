/**
 * Fused programs carried out literally, one point after another: what `fused.ts` says, as code.
 *
 * Every value is rounded to f32 where it is one; reductions are summed in double precision.
 */

import type { Data, DType } from '../../../src/tensor/dtype.js'
import { allocate } from '../../../src/tensor/dtype.js'
import {
  type FusedKernel,
  type Panels,
  type FusedLoop,
  type FusedProgram,
  type FusedStep
} from '../../../src/tensor/program/fused.js'
import type { Affine, Product, Random } from '../../../src/tensor/program/kernel.js'
import { reductionIdentity } from '../../../src/tensor/elementwise.js'
import { castTo, comparison, floatBinary, floatUnary, integerBinary } from '../../../src/tensor/run/reference/scalar.js'
import { sizeOf, type Shape } from '../../../src/tensor/shape.js'
import { threefry2x32 } from '../../../src/tensor/threefry.js'

/** The points of a nest in row-major order. The array is the same one each time. */
export const points = function* (extents: Shape): Generator<ReadonlyArray<number>> {
  const x = extents.map(() => 0)
  for (let n = sizeOf(extents); n > 0; n--) {
    yield x
    for (let axis = extents.length - 1; axis >= 0 && ++x[axis] === extents[axis]; axis--) x[axis] = 0
  }
}

export const place = ({ offset, strides }: Affine, x: ReadonlyArray<number>): number =>
  strides.reduce((sum, s, axis) => sum + s * x[axis], offset)

export const rounded = (dtype: DType, x: number): number => {
  switch (dtype) {
    case 'f32':
      return Math.fround(x)
    case 'i32':
      return x | 0
    case 'u32':
      return x >>> 0
    case 'bool':
      return x === 0 ? 0 : 1
  }
}

export const element = (
  step: Exclude<FusedStep, { readonly _tag: 'fold' }>,
  v: ReadonlyArray<number>,
  x: ReadonlyArray<number>,
  arrays: ReadonlyArray<Data>
): number => {
  switch (step._tag) {
    case 'constant':
      return step.value
    case 'index':
      return place(step.at, x)
    case 'load':
      return arrays[step.buffer][place(step.at, x)]
    case 'lookup': {
      const j = v[step.index]
      return j >= 0 && j < step.extent ? arrays[step.buffer][place(step.at, x) + j * step.stride] : 0
    }
    case 'unary': {
      const a = v[step.x]
      if (step.fn === 'not') return step.dtype === 'bool' ? (a === 0 ? 1 : 0) : ~a
      return floatUnary[step.fn](a)
    }
    case 'binary': {
      const [a, b] = [v[step.x], v[step.y]]
      if (step.dtype === 'f32') return floatBinary[step.fn as keyof typeof floatBinary](a, b)
      return integerBinary[step.fn as keyof typeof integerBinary](a, b)
    }
    case 'compare':
      return comparison[step.fn](v[step.x], v[step.y]) ? 1 : 0
    case 'select':
      return v[step.condition] !== 0 ? v[step.ifTrue] : v[step.ifFalse]
    case 'cast':
      return castTo(step.dtype, step.from, v[step.x])
    case 'random': {
      const i = place(step.at, x)
      const [first, second] = step.counter.map((word) => v[word])
      return threefry2x32([v[step.key[0]], v[step.key[1]]], [(first + (i >>> 1)) >>> 0, second])[i % 2]
    }
  }
}

export const combine = (fn: 'sum' | 'max' | 'min', a: number, b: number): number =>
  fn === 'sum' ? a + b : fn === 'max' ? Math.max(a, b) : Math.min(a, b)

/** Of each element of a row the values of all steps. */
export const rowValues = (
  { extents, body }: Pick<FusedLoop, 'extents' | 'body'>,
  outer: ReadonlyArray<number>,
  arrays: ReadonlyArray<Data>
): ReadonlyArray<ReadonlyArray<number>> => {
  const values = Array.from({ length: extents[extents.length - 1] }, (): Array<number> => [])
  for (const [s, step] of body.entries()) {
    if (step._tag === 'fold') {
      const total = values.reduce((sum, v) => combine(step.fn, sum, v[step.x]), reductionIdentity(step.fn, step.dtype))
      values.forEach((v) => (v[s] = rounded(step.dtype, total)))
    } else values.forEach((v, i) => (v[s] = rounded(step.dtype, element(step, v, [...outer, i], arrays))))
  }
  return values
}

/** Steps `lo` to before `hi` of the first axis, if there are two axes or more. */
const runLoop = (loop: FusedLoop, arrays: ReadonlyArray<Data>, lo = 0, hi = loop.extents[0]): void => {
  const { extents, stores } = loop
  const row = extents.length - 1
  for (const { combine: fn, buffer } of stores) {
    const data = arrays[buffer]
    const dtype = data instanceof Float32Array ? 'f32' : data instanceof Int32Array ? 'i32' : 'u32'
    if (fn !== undefined && lo === 0) data.fill(reductionIdentity(fn, dtype))
  }
  for (const outer of points(extents.slice(0, row))) {
    if (row > 0 && (outer[0] < lo || outer[0] >= hi)) continue
    const at = (i: number): ReadonlyArray<number> => [...outer, i]
    const values = rowValues(loop, outer, arrays)
    for (const { buffer, at: to, value, combine: fn, scatter } of stores) {
      const each = to.strides[row] !== 0 || scatter !== undefined
      for (let i = 0; i < (each ? extents[row] : 1); i++) {
        const j = scatter === undefined ? 0 : values[i][scatter.index]
        if (scatter !== undefined && !(j >= 0 && j < scatter.extent)) continue
        const p = place(to, at(i)) + (scatter === undefined ? 0 : j * scatter.stride)
        const data = arrays[buffer]
        data[p] = fn === undefined ? values[i][value] : combine(fn, data[p], values[i][value])
      }
    }
  }
}

const runProduct = ({ left, right, out, contraction: c }: Product, arrays: ReadonlyArray<Data>): void => {
  let to = 0
  for (const b of points(c.batch)) {
    const l = place({ offset: c.left.offset, strides: c.left.batch }, b)
    const r = place({ offset: c.right.offset, strides: c.right.batch }, b)
    for (let i = 0; i < c.m; i++)
      for (let j = 0; j < c.n; j++) {
        let sum = 0
        for (let p = 0; p < c.k; p++)
          sum +=
            arrays[left][l + i * c.left.row + p * c.left.column] *
            arrays[right][r + p * c.right.row + j * c.right.column]
        arrays[out][to++] = sum
      }
  }
}

/** Where the result is local, its array is the one panel that is kept: what else the loop read would be wrong. */
const runPanels = ({ product, loop, rows, batches, isLocal }: Panels, arrays: ReadonlyArray<Data>): void => {
  const { m, n, batch } = product.contraction
  const panel = batches * m * n
  const whole = new Float32Array(sizeOf(batch) * m * n)
  runProduct({ ...product, out: arrays.length }, [...arrays, whole])
  if (isLocal && arrays[product.out].length !== panel) throw new Error('a local result is one panel')
  const results = [...arrays]
  results[product.out] = new Float32Array(whole.length).fill(NaN)
  for (let p = 0; p * panel < whole.length; p++) {
    if (isLocal) (results[product.out] as Float32Array).fill(NaN)
    results[product.out].set(whole.subarray(p * panel, (p + 1) * panel), p * panel)
    runLoop(loop, results, p * rows, (p + 1) * rows)
  }
  if (!isLocal) arrays[product.out].set(whole)
}

const runRandom = ({ key, counter, out, size }: Random, arrays: ReadonlyArray<Data>): void => {
  const words = (view: Random['key']): readonly [number, number] => [
    arrays[view.buffer][place(view.at, [0])],
    arrays[view.buffer][place(view.at, [1])]
  ]
  const [low, high] = words(counter)
  for (let i = 0; i < size; i++) arrays[out][i] = threefry2x32(words(key), [(low + (i >> 1)) >>> 0, high])[i % 2]
}

/** Carries out one kernel on the arrays of all buffers. */
export const runKernel = (kernel: FusedKernel, arrays: ReadonlyArray<Data>): void => {
  switch (kernel._tag) {
    case 'loop':
      return runLoop(kernel, arrays)
    case 'contraction':
      return runProduct(kernel, arrays)
    case 'panels':
      return runPanels(kernel, arrays)
    case 'random':
      return runRandom(kernel, arrays)
  }
}

/** The outputs. */
export const interpret = (program: FusedProgram, inputs: ReadonlyArray<Data>): ReadonlyArray<Data> => {
  const arrays = [...inputs, ...program.buffers.slice(program.inputs).map(({ dtype, size }) => allocate(dtype, size))]
  program.kernels.forEach((kernel) => runKernel(kernel, arrays))
  return arrays.slice(program.inputs, program.inputs + program.outputs)
}
