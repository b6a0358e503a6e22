/** What WGSL computed, held against what the reference device defines. */

import * as E from 'fp-ts/lib/Either.js'
import { viewOf, type Data, type DType } from '../../../../src/tensor/dtype.js'
import { lower } from '../../../../src/tensor/program/lower.js'
import { allocateOutputs } from '../../../../src/tensor/run/arrays.js'
import { reference } from '../../../../src/tensor/run/reference/reference.js'
import { inputNode } from '../../../../src/tensor/tensor.js'
import { isRight } from '../../special-values.js'
import type { Case } from './cases.js'

const right = <L, A>(e: E.Either<L, A>): A => {
  if (E.isLeft(e)) throw new Error(JSON.stringify(e.left))
  return e.right
}

/** Elements by their bits, as the shader reads them. */
const elements = (dtype: DType, words: Uint32Array): Data => {
  switch (dtype) {
    case 'f32':
      return Float64Array.from(viewOf('f32', words.buffer, words.byteOffset, words.length))
    case 'i32':
    case 'u32':
      return viewOf(dtype, words.buffer, words.byteOffset, words.length)
    case 'bool':
      return Uint8Array.from(words, (w) => w & 1)
  }
}

const dtypesOf = (all: ReadonlyArray<Case>): ReadonlyArray<ReadonlyArray<DType>> => {
  const count = Math.max(...all.map(({ operands }) => operands.length))
  return Array.from({ length: count }, (_, i) => [...new Set(all.flatMap(({ operands }) => operands.slice(i, i + 1)))])
}

/** The reference device's results in double precision. */
const exactly = (all: ReadonlyArray<Case>, operands: ReadonlyArray<Uint32Array>): ReadonlyArray<Data> => {
  const size = operands[0].length
  const name = (i: number, dtype: DType): string => `${dtype}${i}`
  const inputs = dtypesOf(all).flatMap((found, i) =>
    found.map((dtype) => ({ tensor: inputNode(name(i, dtype), [size], dtype), data: elements(dtype, operands[i]) }))
  )
  const byName = new Map(inputs.map(({ tensor }) => [tensor.op._tag === 'input' ? tensor.op.name : '', tensor]))
  const tensorOf = (i: number, dtype: DType) => {
    const tensor = byName.get(name(i, dtype))
    if (tensor === undefined) throw new Error(`no operand ${i} of ${dtype}`)
    return tensor
  }
  const outputs = all.map(({ operands: of, node }, k) => ({
    name: String(k),
    tensor: node(...of.map((dtype, i) => tensorOf(i, dtype)))
  }))
  const { program } = lower(
    outputs,
    inputs.map(({ tensor }) => tensor)
  )
  const device = reference({ floats: 'float64' })
  const data = allocateOutputs(program, device.floats)
  right(
    right(device.load(program)).run(
      inputs.map((input) => input.data),
      data
    )()
  )
  return data
}

/** Bits of an f32 without those of a subnormal number. */
const flushed = (word: number): number => ((word & 0x7f800000) === 0 ? (word & 0x80000000) >>> 0 : word)

const isTiny = (x: number): boolean => Math.abs(x) < 2 ** -126

/** Each case's first result that is wrong, in words; nothing where all are right. */
export const mistakes = (
  all: ReadonlyArray<Case>,
  operands: ReadonlyArray<Uint32Array>,
  results: ReadonlyArray<Uint32Array>
): ReadonlyArray<string> => {
  const [wanted, ofFlushed] = [
    exactly(all, operands),
    exactly(
      all,
      operands.map((words) => words.map(flushed))
    )
  ]
  return all.flatMap(({ name, operands: of, result, bound }, k) => {
    const found = elements(result, results[k])
    const isGood = (y: number, i: number): boolean => {
      const want = wanted[k][i]
      if (result !== 'f32') return y === want
      if (isRight(y, want, bound.ulps)) return true
      const isZero = isTiny(want) && Object.is(y, want < 0 || Object.is(want, -0) ? -0 : 0)
      return bound.flushes && (isZero || isRight(y, ofFlushed[k][i], bound.ulps))
    }
    const at = found.findIndex((y, i) => !isGood(y, i))
    if (at === -1) return []
    const of_ = of.map((dtype, i) => elements(dtype, operands[i])[at]).join(', ')
    return [`${name}: of ${of_} it is ${found[at]}, not ${wanted[k][at]} within ${bound.ulps} units`]
  })
}
