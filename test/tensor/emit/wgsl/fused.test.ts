import { describe, expect, it } from 'vitest'
import type { FloatBinary, FloatUnary } from '../../../../src/tensor/elementwise.js'
import { bounds } from '../../../../src/tensor/emit/wgsl/bounds.js'
import { unary } from '../../../../src/tensor/emit/wgsl/scalar.js'
import { floatBinary, floatUnary } from '../../../../src/tensor/run/reference/scalar.js'
import { fewSpecials, isRight, specials, unitOf } from '../../special-values.js'
import { interpret, plain, type Arithmetic } from './interpret.js'

/** Away from a rounded number by up to two units, by its own bits: quotients are then good to the 2.5 that WGSL asks for. */
const off = (x: number): number => {
  if (x === 0 || !Number.isFinite(x)) return x
  const [word] = new Uint32Array(Float32Array.of(x).buffer)
  return Math.fround(x + (((Math.imul(word, 0x9e3779b1) >>> 8) % 5) - 2) * unitOf(x * (1 - 2 ** -24)))
}

const devices: ReadonlyArray<{ readonly device: string; readonly arithmetic: Arithmetic; readonly isExact: boolean }> =
  [
    { device: 'rounds every operation', arithmetic: plain, isExact: true },
    { device: 'fuses', arithmetic: { ...plain, isFused: true }, isExact: true },
    { device: 'fuses, and divides inexactly', arithmetic: { isFused: true, inexact: off }, isExact: false }
  ]

/** What an inexact division adds. */
const ofDivision = { rsqrt: 2.5, tanh: 2.5, erf: 2.5, sigmoid: 2.5, softplus: 0.5 } as const satisfies Partial<
  Record<FloatUnary, number>
>

const boundOf = (fn: FloatUnary | FloatBinary, isExact: boolean): number =>
  bounds[fn].ulps + (isExact || !(fn in ofDivision) ? 0 : ofDivision[fn as keyof typeof ofDivision])

const expectRight = (
  f: (...x: ReadonlyArray<number>) => number,
  exact: (...x: ReadonlyArray<number>) => number,
  ulps: number,
  all: Iterable<ReadonlyArray<number>>
): void => {
  for (const at of all) {
    const [found, want] = [f(...at), exact(...at)]
    if (!isRight(found, want, ulps)) expect.fail(`of ${at.join()} it is ${found}, not ${want} within ${ulps} units`)
  }
}

const float = (word: number): number => new Float32Array(Uint32Array.of(word).buffer)[0]

const everywhere = [
  ...specials,
  ...Array.from({ length: 2 ** 12 }, (_, i) => float(Math.imul(i, 0x9e3779b1) >>> 0)),
  ...Array.from({ length: 2 ** 12 }, (_, i) => Math.fround((i - 2 ** 11 + 0.37) / 128))
]

describe.each(devices)('on a device that $device', ({ arithmetic, isExact }) => {
  it.each(Object.keys(floatUnary) as ReadonlyArray<FloatUnary>)('%s is within its bound', (fn) => {
    const [name] = unary(fn, 'f32', 'x').split('(')
    expectRight(
      interpret(name, arithmetic),
      floatUnary[fn],
      boundOf(fn, isExact),
      everywhere.map((x) => [x])
    )
  })

  it('pow is within its bound', () => {
    const random = everywhere.map((x, i) => {
      const log = Math.abs(Math.log2(Math.abs(x)))
      return [Math.abs(x), Math.fround(((i % 1000) - 500) / (1 + 4 * (log < 200 ? log : 1)))]
    })
    const near = Array.from({ length: 2 ** 12 }, (_, i) => {
      const x = 1 + (i - 2 ** 11 + 0.5) * 2 ** -20
      return [x, Math.fround(((i % 251) - 125) / Math.abs(Math.log2(x)))]
    })
    const pairs = fewSpecials.flatMap((x) => fewSpecials.map((y) => [x, y]))
    const f = interpret('pe_pow', arithmetic)
    const exact = ([x, y]: ReadonlyArray<number>): number => floatBinary.pow(x, y)
    expectRight(f, (...at) => exact(at), boundOf('pow', isExact), [...random, ...near, ...pairs])
  })

  it.each(['erf', 'tanh', 'sigmoid', 'expm1'] as const)('%s reaches its limit, and is never beyond', (fn) => {
    const f = interpret(`pe_${fn}`, arithmetic)
    for (let i = -4096; i < 4096; i++) {
      const [found, exact] = [f(i / 128), floatUnary[fn](i / 128)]
      const limit = Math.round(exact)
      if (Math.abs(limit) !== 1) continue
      if (Math.abs(exact - limit) < 2 ** -27) expect(found).toBe(limit)
      if (Math.abs(exact) < 1) expect(Math.abs(found)).toBeLessThanOrEqual(1)
    }
  })
})
