/**
 * Kernel programs for people: one line a kernel, with its work and its traffic.
 */

import { bytesPerElement } from '../dtype.js'
import { sizeOf, type Shape } from '../shape.js'
import { readsOf, writeOf, type Affine, type Kernel, type KernelProgram, type Step } from './kernel.js'

/** Arithmetic operations of one run. Moving, comparing and converting count as none. */
export const flopsOf = (kernel: Kernel): number => {
  switch (kernel._tag) {
    case 'loop':
      return (
        sizeOf([...kernel.extents, ...(kernel.reduce?.extents ?? [])]) *
        (arithmeticOf(kernel.body) + (kernel.reduce === undefined ? 0 : 1))
      )
    case 'scatter':
      return sizeOf(kernel.extents) * (arithmeticOf(kernel.body) + 1)
    case 'contraction': {
      const { batch, m, n, k } = kernel.contraction
      return 2 * sizeOf(batch) * m * n * k
    }
    case 'random':
      return 0
  }
}

const arithmeticOf = (body: ReadonlyArray<Step>): number =>
  body.filter((step) => step._tag === 'unary' || step._tag === 'binary').length

/** Elements that a view touches, each counted once. */
const touched = (extents: Shape, { strides }: Affine): number =>
  sizeOf(extents.filter((_, axis) => strides[axis] !== 0))

/** Bytes that a run moves, if every element of every view is fetched once. */
export const bytesOf = (kernel: Kernel, { buffers }: KernelProgram): number => {
  const bytes = (buffer: number, elements: number): number => elements * bytesPerElement(buffers[buffer].dtype)
  const whole = (buffer: number): number => bytes(buffer, buffers[buffer].size)
  const loaded = (extents: Shape, body: ReadonlyArray<Step>): number =>
    body.reduce(
      (sum, step) =>
        step._tag === 'load' || step._tag === 'lookup' ? sum + bytes(step.buffer, touched(extents, step.at)) : sum,
      0
    )
  switch (kernel._tag) {
    case 'loop':
      return (
        loaded([...kernel.extents, ...(kernel.reduce?.extents ?? [])], kernel.body) +
        bytes(kernel.out.buffer, sizeOf(kernel.extents))
      )
    case 'scatter':
      return loaded(kernel.extents, kernel.body) + bytes(kernel.out.buffer, sizeOf(kernel.extents) + kernel.size)
    case 'contraction':
      return whole(kernel.left) + whole(kernel.right) + whole(kernel.out)
    case 'random':
      return whole(kernel.out)
  }
}

const operations = (body: ReadonlyArray<Step>): string => {
  const named = body
    .filter((step) => step._tag !== 'constant' && step._tag !== 'load' && step._tag !== 'index')
    .map((step) => ('fn' in step ? step.fn : step._tag))
  if (named.length > 0) return named.join(' ')
  return body.some((step) => step._tag === 'load') ? 'copy' : 'fill'
}

const work = (kernel: Kernel): string => {
  switch (kernel._tag) {
    case 'loop': {
      const over = kernel.reduce === undefined ? '' : ` ${kernel.reduce.fn} over [${kernel.reduce.extents.join(', ')}]`
      return `loop [${kernel.extents.join(', ')}]${over} ${operations(kernel.body)}`
    }
    case 'scatter':
      return `scatter [${kernel.extents.join(', ')}] ${operations(kernel.body)}`
    case 'contraction': {
      const { batch, m, n, k } = kernel.contraction
      return `product [${[...batch, m, n].join(', ')}] over ${k}`
    }
    case 'random':
      return `random [${kernel.size}]`
  }
}

/** For example `b7 = loop [64, 256] mul add tanh  (b0, b3)  32768 flops, 196608 bytes`. */
export const explainKernel = (kernel: Kernel, program: KernelProgram): string => {
  const reads = readsOf(kernel)
    .map((buffer) => `b${buffer}`)
    .join(', ')
  return `b${writeOf(kernel)} = ${work(kernel)}  (${reads})  ${flopsOf(kernel)} flops, ${bytesOf(kernel, program)} bytes`
}

export const explainKernels = (program: KernelProgram): string =>
  program.kernels.map((kernel) => explainKernel(kernel, program)).join('\n')
