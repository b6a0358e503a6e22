/** What callers without types pass by mistake: said in a line that names the operation, and what it got. */

import { describe, expect, it } from 'vitest'
import { grad } from '../../src/autodiff/index.js'
import * as t from '../../src/tensor/index.js'
import { showTensorError } from '../../src/tensor/index.js'
import { faultOf } from '../plain.js'

type Loose = (...args: ReadonlyArray<unknown>) => unknown

/** Functions as JavaScript sees them. */
const { add, clip, where, sin, sum, take, concat, cast, matmul, iota, spec, zeros, evaluate } = Object.fromEntries(
  Object.entries(t).map(([name, f]) => [name, f as unknown as (...args: ReadonlyArray<unknown>) => Loose])
)

const x = t.tensor([1, 2])
const long = Array.from({ length: 1000 }, (_, i) => i)

describe('what is no tensor', () => {
  it.each<readonly [string, () => unknown]>([
    ['add: found "3", expected a tensor', () => add('3')(x)],
    ['add: found nothing, expected a tensor', () => add()(x)],
    ['add: found an array of 1000, expected a tensor', () => add(long)(x)],
    ['add: found an object, expected a tensor', () => add(new Float32Array(9))(x)],
    ['add: found 3, expected a tensor', () => add(x)(3)],
    ['lt: found nothing, expected a tensor', () => (t.lt as unknown as (b: unknown) => Loose)(undefined)(x)],
    ['clip: found nothing, expected a tensor', () => clip(0)(x)],
    ['where: found [true, false], expected a tensor', () => where([true, false], 0)(x)],
    ['sin: found 3, expected a tensor', () => (sin as Loose)(3)],
    ['sum: found null, expected a tensor', () => sum()(null)],
    ['matmul: found [1, 2], expected a tensor', () => matmul([1, 2])(x)],
    ['gather: found [0, 1], expected a tensor', () => take([0, 1])(x)],
    ['concat: found a function, expected a tensor', () => concat(0)([x, t.neg])],
    ["tree: found a function at '', expected a leaf, a record or an array", () => grad(t.sum())(t.neg as never)],
    ["tree: found nothing at '', expected a leaf, a record or an array", () => grad(t.sum())(undefined as never)]
  ])('is named: %s', (expected, build) => {
    expect(showTensorError(faultOf(build))).toBe(expected)
  })
})

describe('a dtype that there is not', () => {
  it.each(['cast', 'iota', 'input', 'constant'])('is refused by %s', (op) => {
    const makers: Readonly<Record<string, () => unknown>> = {
      cast: () => cast('f64')(x),
      iota: () => iota([2], 0, 'f64'),
      input: () => spec([2], 'f64'),
      constant: () => zeros([2], 'f64')
    }
    expect(showTensorError(faultOf(makers[op]))).toBe(`${op}: found dtype "f64", expected f32, i32, u32, bool`)
  })
})

describe('a shape that is no list', () => {
  it('is refused', () => {
    expect(showTensorError(faultOf(() => zeros(3)))).toBe('broadcast: found 3, expected a list of extents')
    expect(evaluate(t.reference({ floats: 'float32' }))(() => x)).toMatchObject({
      left: { found: "a function at ''" }
    })
  })
})
