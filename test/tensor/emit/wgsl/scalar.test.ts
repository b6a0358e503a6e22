import { afterAll, describe, expect } from 'vitest'
import type { DType } from '../../../../src/tensor/dtype.js'
import { constant } from '../../../../src/tensor/emit/wgsl/scalar.js'
import { itOnWebGpu } from '../../run/multipliers/webgpu.js'
import { fewSpecials, specials } from '../../special-values.js'
import { cases, casesOfConstants } from './cases.js'
import { evaluator, type Evaluator, type Expression } from './evaluate.js'
import { mistakes } from './judge.js'

let made: Promise<Evaluator> | undefined

const device = (): Promise<Evaluator> => (made ??= evaluator())

afterAll(async () => (await made)?.release())

const bitsOf = (xs: ReadonlyArray<number>): ReadonlyArray<number> => [...new Uint32Array(Float32Array.from(xs).buffer)]

const integers = [
  1,
  2,
  3,
  31,
  32,
  33,
  255,
  2 ** 24 + 1,
  2 ** 24 + 3,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 31 + 128,
  2 ** 31 + 384
]
const ofBothSigns = integers.flatMap((n) => [n, -n >>> 0])

const few = [...bitsOf(fewSpecials), ...ofBothSigns]
const many = [...bitsOf(specials), ...ofBothSigns]

/** Bits that nobody chose. */
const scrambled = (i: number): number => {
  const x = Math.imul(i + 1, 0x9e3779b1)
  return Math.imul(x ^ (x >>> 15), 0x85ebca6b) >>> 0
}

const random = Array.from({ length: 6000 }, (_, i) => [scrambled(2 * i), scrambled(2 * i + 1)] as const)

/** Pairs of special values, of random ones, of neighbours, and of what is of like size. */
const pairs: ReadonlyArray<readonly [number, number]> = [
  ...few.flatMap((x) => few.map((y) => [x, y] as const)),
  ...many.map((x) => [x, x] as const),
  ...random,
  ...random.slice(0, 1000).map(([x], i) => [x, x + (i % 5) - 2] as const),
  ...random.slice(0, 1000).map(([x, y]) => [x, (x & 0xff000000) | (y & 0xffffff)] as const),
  ...random.slice(0, 1000).map(([x, y]) => [x, y >>> (x & 31)] as const)
]

describe('the WGSL of an element-wise primitive', () => {
  itOnWebGpu(
    'computes what the reference defines, within the bounds, of special values and of random bits',
    async () => {
      const operands = [0, 1, 2].map((k) =>
        Uint32Array.from(pairs, (pair, i) => (k < 2 ? pair[k] : scrambled(i) >>> 7))
      )
      const { evaluate } = await device()
      expect(mistakes(cases, operands, await evaluate(cases, operands))).toEqual([])
    }
  )

  itOnWebGpu('has constants of the very bits', async () => {
    const { evaluate } = await device()
    const values: ReadonlyArray<readonly [DType, number]> = [
      ...specials.map((x) => ['f32', x] as const),
      ...[0.1, 1e-30, -1e30, 1 / 3].map((x) => ['f32', Math.fround(x)] as const),
      ...[0, ...ofBothSigns].flatMap(
        (n) =>
          [
            ['i32', n | 0],
            ['u32', n]
          ] as const
      ),
      ['bool', 0],
      ['bool', 1]
    ]
    const expressions = values.map(([dtype, x]): Expression => ({
      operands: [],
      result: dtype,
      print: () => constant(dtype, x)
    }))
    const results = await evaluate(expressions, [Uint32Array.of(0)])
    values.forEach(([dtype, x], i) => {
      const [found] =
        dtype === 'f32'
          ? new Float32Array(results[i].slice().buffer)
          : dtype === 'i32'
            ? Int32Array.from(results[i])
            : results[i]
      expect([dtype, found]).toEqual([dtype, x])
    })
  })

  itOnWebGpu('takes constants for operands, where they overflow and divide by zero, too', async () => {
    const operands = [Uint32Array.of(0)]
    const { evaluate } = await device()
    expect(mistakes(casesOfConstants, operands, await evaluate(casesOfConstants, operands))).toEqual([])
  })
})
