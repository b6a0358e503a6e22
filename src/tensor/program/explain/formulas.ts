/**
 * Kernels as formulas: loops, products `b9 = x @ weight^T`, and random bits.
 */

import type { Contraction, Product, Random, StridedMatrix, View } from '../kernel.js'
import { sizeOf, type Shape } from '../../shape.js'
import type { FusedKernel } from '../fused.js'
import { loopFormulas, type BufferFacts } from './loop-formulas.js'
import { axisNames, subscript } from './subscript.js'

const batchLetters = 'abcdefgh'

/** The names of a product's batch axes. Its matrices have the axes `m`, `n` and `k`, the last of which is summed over. */
export const batchNames = (batch: Shape): ReadonlyArray<string> =>
  batch.map((_, axis) => batchLetters[axis] ?? `a${axis}`)

/** The one axis of a key or a counter. */
const words = { axes: ['i'], extents: [2] }

/** The names that a kernel's formulas have for axes. */
export const axesOf = (kernel: FusedKernel): ReadonlyArray<string> => {
  switch (kernel._tag) {
    case 'loop':
      return axisNames(kernel.extents)
    case 'contraction':
      return [...batchNames(kernel.contraction.batch), 'm', 'n', 'k']
    case 'panels':
      return [...axesOf(kernel.product), ...axesOf(kernel.loop)]
    case 'random':
      return words.axes
  }
}

type Side = readonly [axis: string, extent: number]

/** Either side of a product: `^T` where its columns come first, axes in the order of memory where that is another. */
const operand = (
  name: string,
  size: number,
  batch: Shape,
  { offset, batch: strides, row, column }: StridedMatrix,
  rows: Side,
  columns: Side
): string => {
  const seenAs = (first: Side, second: Side, last: readonly [number, number]): string =>
    subscript({
      axes: [...batchNames(batch), first[0], second[0]],
      extents: [...batch, first[1], second[1]],
      at: { offset, strides: [...strides, ...last] },
      size
    })
  const direct = seenAs(rows, columns, [row, column])
  if (direct === '') return name
  return seenAs(columns, rows, [column, row]) === '' ? `${name}^T` : `${name}${direct}`
}

const productFormula = ({ left, right, out, contraction }: Product, { nameOf, sizeOf: size }: BufferFacts): string => {
  const { batch, m, n, k }: Contraction = contraction
  const a = operand(nameOf(left), size(left), batch, contraction.left, ['m', m], ['k', k])
  const b = operand(nameOf(right), size(right), batch, contraction.right, ['k', k], ['n', n])
  return `${nameOf(out)} = ${a} @ ${b}`
}

const randomFormula = ({ key, counter, out }: Random, { nameOf, sizeOf: size }: BufferFacts): string => {
  const word = ({ buffer, at }: View): string => `${nameOf(buffer)}${subscript({ ...words, at, size: size(buffer) })}`
  return `${nameOf(out)} = random_bits(${word(key)}, ${word(counter)})`
}

/** What a kernel computes, line by line. Every buffer that it writes is on the left of one of them. */
export const formulasOf = (kernel: FusedKernel, buffers: BufferFacts): ReadonlyArray<string> => {
  switch (kernel._tag) {
    case 'loop':
      return loopFormulas(kernel, buffers)
    case 'contraction':
      return [productFormula(kernel, buffers)]
    case 'panels': {
      const { product, loop, isLocal } = kernel
      const { batch, m, n } = product.contraction
      // Where only one panel is kept the loop still sees it at its place in the whole result.
      const sizeOfAll = (buffer: number): number =>
        buffer === product.out ? sizeOf(batch) * m * n : buffers.sizeOf(buffer)
      const result = `${productFormula(product, buffers)}${isLocal ? ', of which one panel is kept' : ''}`
      return [result, ...loopFormulas(loop, { ...buffers, sizeOf: sizeOfAll })]
    }
    case 'random':
      return [randomFormula(kernel, buffers)]
  }
}
