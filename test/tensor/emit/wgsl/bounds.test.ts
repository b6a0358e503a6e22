import { afterAll, describe, expect } from 'vitest'
import { floatUnary } from '../../../../src/tensor/run/reference/scalar.js'
import { itOnWebGpu } from '../../run/multipliers/webgpu.js'
import { cases } from './cases.js'
import { evaluator, type Evaluator } from './evaluate.js'
import { mistakes } from './judge.js'

let made: Promise<Evaluator> | undefined

const device = (): Promise<Evaluator> => (made ??= evaluator())

afterAll(async () => (await made)?.release())

const named = (...fns: ReadonlyArray<string>) => {
  const names = fns.map((fn) => `${fn} of f32`)
  return cases.filter(({ name }) => names.includes(name))
}

const bits = (x: Float32Array): Uint32Array => new Uint32Array(x.buffer)

const expectRight = async (of: typeof cases, ...operands: ReadonlyArray<Uint32Array>): Promise<void> => {
  const { evaluate } = await device()
  expect(mistakes(of, operands, await evaluate(of, operands))).toEqual([])
}

describe('functions of f32 in WGSL', () => {
  itOnWebGpu('are within their bounds over the whole range', async () => {
    const count = 2 ** 17
    // By their bits: subnormal numbers, infinities and NaN among them.
    const everywhere = Uint32Array.from({ length: count }, (_, i) => i * (2 ** 32 / count) + (i % 32768))
    await expectRight(named(...Object.keys(floatUnary)), everywhere)
  })

  itOnWebGpu('are within them around 1, where most numbers are', async () => {
    const around = Float32Array.from({ length: 2 ** 16 }, (_, i) => (i - 2 ** 15 + 0.37) / 2048)
    await expectRight(named(...Object.keys(floatUnary)), bits(around))
  })

  itOnWebGpu('find the quarter of the turn of arguments beside multiples of pi / 2, small and large', async () => {
    const beside = Float32Array.from({ length: 4096 }, (_, i) => Math.fround((Math.PI / 2) * 3 ** (i % 64) * (i + 1)))
    // Of all f32 the nearest to a multiple, by 2^-29.2: Muller, Elementary Functions, "worst cases for range reduction".
    const nearest = 16367173 * 2 ** 72
    await expectRight(named('sin', 'cos'), bits(Float32Array.from([...beside, nearest])))
  })

  itOnWebGpu('raise numbers of any size to powers that stay in the range', async () => {
    const size = 2 ** 16
    const x = new Float32Array(Uint32Array.from({ length: size }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 1).buffer)
    const y = Float32Array.from(x, (v, i) => ((i % 1000) - 500) / (1 + 4 * Math.abs(Math.log2(v || 1))))
    const near = Float32Array.from({ length: size }, (_, i) => 1 + (i - size / 2) * 2 ** -24)
    const large = Float32Array.from(near, (v, i) => ((i % 251) - 125) / Math.max(2 ** -24, Math.abs(Math.log2(v))))
    await expectRight(named('pow'), bits(Float32Array.from([...x, ...near])), bits(Float32Array.from([...y, ...large])))
  })
})
