import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FloatUnary } from '../../../../src/tensor/elementwise.js'
import { ulps } from '../../../../src/tensor/emit/wasm/math.js'
import type { FusedLoop, FusedStep } from '../../../../src/tensor/program/fused.js'
import type { BufferSpec } from '../../../../src/tensor/program/kernel.js'
import { floatBinary, floatUnary } from '../../../../src/tensor/run/reference/scalar.js'
import { isRight, specials } from '../../special-values.js'
import { emit, memoryOf } from './emitted.js'

const memory = memoryOf(4)

type OnArrays = (...xs: ReadonlyArray<Float32Array>) => Float32Array

/** An operation on as many arrays of `size` elements, emitted once. */
const emitted = (operands: number, step: FusedStep, size: number): OnArrays => {
  const at = { offset: 0, strides: [1] }
  const loads = Array.from({ length: operands }, (_, buffer): FusedStep => ({ _tag: 'load', dtype: 'f32', buffer, at }))
  const loop: FusedLoop = {
    _tag: 'loop',
    extents: [size],
    body: [...loads, step],
    stores: [{ buffer: operands, at, value: operands, combine: undefined, scatter: undefined }]
  }
  const specs = Array.from({ length: operands + 1 }, (): BufferSpec => ({ dtype: 'f32', size }))
  const { data, run } = emit(loop, specs, 0, memory)
  return (...xs) => {
    xs.forEach((x, i) => data[i].set(x))
    run(0, 1)
    return data[operands] as Float32Array
  }
}

const unary = (fn: FloatUnary, size: number): OnArrays => emitted(1, { _tag: 'unary', dtype: 'f32', fn, x: 0 }, size)

const power = (size: number): OnArrays => emitted(2, { _tag: 'binary', dtype: 'f32', fn: 'pow', x: 0, y: 1 }, size)

/** The first arguments of which a function is further than `ulps` from the exact value, or no such special value. */
const expectRight = (
  run: OnArrays,
  exact: (...x: ReadonlyArray<number>) => number,
  ulps: number,
  ...xs: ReadonlyArray<Float32Array>
): void =>
  run(...xs).forEach((y, i) => {
    const at = xs.map((x) => x[i])
    const want = exact(...at)
    if (!isRight(y, want, ulps)) expect.fail(`of ${at.join()} it is ${y}, not ${want} within ${ulps} units`)
  })

const size = 4096

/** By their bits, every `stride`-th f32: subnormal numbers, infinities and NaN among them. */
const everywhere = function* (stride: number): Generator<Float32Array> {
  const bits = new Uint32Array(size)
  for (let from = 0; from < 2 ** 32; from += size * stride) {
    for (let i = 0; i < size; i++) bits[i] = from + i * stride
    yield new Float32Array(bits.buffer)
  }
}

const special = Float32Array.from(specials)

const boundOf = (fn: FloatUnary | 'pow'): number => (fn in ulps ? ulps[fn as keyof typeof ulps] : 0)

describe.each(Object.keys(floatUnary) as ReadonlyArray<FloatUnary>)('%s on four lanes', (fn) => {
  it(`is within ${boundOf(fn)} units in the last place (0: rounded correctly), over the whole range`, () => {
    const run = unary(fn, size)
    for (const x of everywhere(4099)) expectRight(run, floatUnary[fn], boundOf(fn), x)
  })

  it('is so at the ends of its range and where it changes its ways', () => {
    expectRight(unary(fn, special.length), floatUnary[fn], boundOf(fn), special)
  })
})

describe.each(['erf', 'tanh', 'sigmoid', 'expm1'] as const)('%s on four lanes', (fn) => {
  it('reaches its limit wherever the exact value is nearest to that by far, and is never beyond', () => {
    const run = unary(fn, size)
    for (const sign of [1, -1]) {
      const x = Float32Array.from({ length: size }, (_, i) => (sign * i) / 128)
      run(x).forEach((y, i) => {
        const exact = floatUnary[fn](x[i])
        const limit = Math.round(exact)
        if (Math.abs(limit) !== 1) return
        if (Math.abs(exact - limit) < 2 ** -26) expect(y).toBe(limit)
        if (Math.abs(exact) < 1) expect(Math.abs(y)).toBeLessThanOrEqual(1)
      })
    }
  })
})

describe('sine and cosine on four lanes', () => {
  it('find the quarter of the turn of arguments beside multiples of pi / 2, small and large', () => {
    const beside = Float32Array.from({ length: size }, (_, i) => Math.fround((Math.PI / 2) * 3 ** (i % 64) * (i + 1)))
    for (const fn of ['sin', 'cos'] as const) expectRight(unary(fn, size), floatUnary[fn], boundOf(fn), beside)
  })
})

describe('pow on four lanes', () => {
  it(`is within ${ulps.pow} units in the last place, of numbers of any size`, () => {
    const run = power(size)
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        // Any bits to the one side, and on the other what keeps some results in the range of f32.
        const bits = Uint32Array.from({ length: size }, (_, i) => Math.imul(i * size + seed, 0x9e3779b1))
        const x = new Float32Array(bits.buffer)
        const y = Float32Array.from(x, (v, i) => ((i % 1000) - 500) / (1 + 4 * Math.abs(Math.log2(Math.abs(v) || 1))))
        expectRight(run, floatBinary.pow, ulps.pow, x.map(Math.abs), y)
      }),
      { numRuns: 50 }
    )
  })
})
