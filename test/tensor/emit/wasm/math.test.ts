import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ulps, type FloatUnary } from '../../../../src/tensor/emit/wasm/math.js'
import type { FusedLoop, FusedStep } from '../../../../src/tensor/program/fused.js'
import type { BufferSpec } from '../../../../src/tensor/program/kernel.js'
import { floatBinary, floatUnary } from '../../../../src/tensor/run/scalar.js'
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

const largest = (2 - 2 ** -23) * 2 ** 127

/** The distance of neighbouring f32 near a number. */
const unitOf = (exact: number): number => 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(exact)))) - 23)

/** How far an f32 is from the exact value. None for NaN and infinities that should be; zeros of any sign are equal. */
const ulpsBetween = (found: number, exact: number): number => {
  if (Number.isNaN(exact)) return Number.isNaN(found) ? 0 : Infinity
  // What an f32 cannot hold may round to the largest.
  if (Math.abs(exact) > largest)
    return Math.abs(found) >= largest && Math.sign(found) === Math.sign(exact) ? 0 : Infinity
  if (found === exact) return 0
  // The next number after the largest would be 2^128.
  const number = Number.isFinite(found) ? found : Math.sign(found) * 2 ** 128
  return Math.abs(number - exact) / unitOf(exact)
}

type Worst = { readonly ulps: number; readonly at: ReadonlyArray<number> }

const worstOf = (
  run: OnArrays,
  exact: (...x: ReadonlyArray<number>) => number,
  ...xs: ReadonlyArray<Float32Array>
): Worst => {
  const found = run(...xs)
  return found.reduce<Worst>(
    (worst, y, i) => {
      const at = xs.map((x) => x[i])
      const error = ulpsBetween(y, exact(...at))
      return error > worst.ulps ? { ulps: error, at } : worst
    },
    { ulps: 0, at: [] }
  )
}

const size = 4096

/** By their bits, every `stride`-th f32: subnormal numbers, infinities and NaN among them. */
const everywhere = function* (stride: number): Generator<Float32Array> {
  const bits = new Uint32Array(size)
  for (let from = 0; from < 2 ** 32; from += size * stride) {
    for (let i = 0; i < size; i++) bits[i] = from + i * stride
    yield new Float32Array(bits.buffer)
  }
}

const ends = [0, 2 ** -149, 2 ** -126, 2 ** -24, 0.5, 1, 2, Math.PI / 2, Math.PI, 3.8325068, 17, 30, 88.72283, 88.72284]
const special = Float32Array.from(
  [...ends, 103.97, 104, 2 ** 20, 2 ** 24, largest, Infinity, NaN].flatMap((x) => [x, -x])
)

const boundOf = (fn: FloatUnary | 'pow'): number => (fn in ulps ? ulps[fn as keyof typeof ulps] : 0.5)

describe.each(Object.keys(floatUnary) as ReadonlyArray<FloatUnary>)('%s on four lanes', (fn) => {
  it(`is within ${boundOf(fn)} units in the last place, over the whole range`, () => {
    const run = unary(fn, size)
    for (const x of everywhere(4099)) {
      const worst = worstOf(run, floatUnary[fn], x)
      if (worst.ulps > boundOf(fn)) expect.fail(`${fn}(${worst.at.join()}) is ${worst.ulps} units off`)
    }
  })

  it('is so at the ends of its range and where it changes its ways', () => {
    expect(worstOf(unary(fn, special.length), floatUnary[fn], special).ulps).toBeLessThanOrEqual(boundOf(fn))
  })
})

describe('erf on four lanes', () => {
  it('is never beyond 1', () => {
    const x = Float32Array.from({ length: size }, (_, i) => 3.5 + i / 8192)
    expect(unary('erf', size)(x).every((y) => y <= 1)).toBe(true)
  })
})

describe('sine and cosine on four lanes', () => {
  it('find the quarter of the turn of arguments beside multiples of pi / 2, small and large', () => {
    const beside = Float32Array.from({ length: size }, (_, i) => Math.fround((Math.PI / 2) * 3 ** (i % 64) * (i + 1)))
    for (const fn of ['sin', 'cos'] as const)
      expect(worstOf(unary(fn, size), floatUnary[fn], beside).ulps).toBeLessThanOrEqual(boundOf(fn))
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
        const worst = worstOf(run, floatBinary.pow, x.map(Math.abs), y)
        if (worst.ulps > ulps.pow) expect.fail(`pow(${worst.at.join()}) is ${worst.ulps} units off`)
      }),
      { numRuns: 50 }
    )
  })

  it('has the signs, zeros, infinities and NaN of Math.pow, and whole powers of negative numbers', () => {
    const numbers = [0, 0.5, 1, 2, 3, 4, 5.5, 2 ** 24 + 2, 1e30, Infinity, NaN, 2 ** -149].flatMap((x) => [x, -x])
    const pairs = numbers.flatMap((x) => numbers.map((y) => [x, y] as const))
    const [x, y] = [0, 1].map((side) => Float32Array.from(pairs, (pair) => pair[side]))
    expect(worstOf(power(pairs.length), floatBinary.pow, x, y).ulps).toBeLessThanOrEqual(ulps.pow)
  })
})
