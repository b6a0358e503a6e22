/**
 * Gradients of scalar functions: to any order, over trees, and with what they refuse.
 */

import { pipe } from 'fp-ts/lib/function.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  grad,
  hessianVectorProduct,
  innerProduct,
  valueAndGrad,
  valueAndGradWithAux
} from '../../src/autodiff/index.js'
import { add, cos, exp, matmul, mul, pow, sin, sub, sum, tanh, tensor, type Tensor } from '../../src/tensor/index.js'
import { tensorOf } from '../../src/testing/index.js'
import { numberOf, numbersOf } from './numbers-of.js'

/** A scalar function's derivative of that order. */
const derivative = (order: number, f: (x: Tensor) => Tensor): ((x: Tensor) => Tensor) =>
  order === 0 ? f : derivative(order - 1, grad(f))

describe('grad', () => {
  it('of x^n, taken k times, is n (n - 1) ... (n - k + 1) x^(n - k)', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 5 }),
        fc.integer({ min: 0, max: 6 }),
        fc.integer({ min: -20, max: 20 }),
        fc.boolean(),
        (n, k, tenths, isConstant) => {
          const x = tenths / 10
          const falling = Array.from({ length: k }, (_, i) => n - i).reduce((p, v) => p * v, 1)
          const expected = falling === 0 ? 0 : falling * x ** (n - k)
          const power = pow(isConstant ? n : tensor(n))
          // f32 rounds x itself to 24 bits unless it arrives as a double.
          const found = numberOf(derivative(k, power)(tensor(Float64Array.of(x), { shape: [] })))
          expect(found).toBeCloseTo(expected, 9) // values up to 5! 2^5 = 3840 in 16 digits
        }
      )
    )
  })

  it('of sin, taken four times, is sin', () => {
    fc.assert(
      fc.property(tensorOf([]), (x) => {
        expect(numberOf(derivative(4, sin)(x))).toBeCloseTo(numberOf(sin(x)), 12)
      })
    )
  })

  it("of a product is the sum of its parts: (u v)' = u' v + u v'", () => {
    fc.assert(
      fc.property(tensorOf([]), (x) => {
        const whole = grad((t: Tensor) => pipe(sin(t), mul(exp(t))))(x)
        const parts = pipe(cos(x), mul(exp(x)), add(pipe(sin(x), mul(exp(x)))))
        expect(numberOf(whole)).toBeCloseTo(numberOf(parts), 10) // values up to e^4 = 55
      })
    )
  })

  it('has the structure of the first argument, and takes the others as they are', () => {
    const loss = (params: { readonly w: Tensor; readonly layers: ReadonlyArray<Tensor> }, scale: number): Tensor =>
      pipe(params.w, mul(params.layers[0]), mul(params.layers[1]), sum(), mul(scale))
    const grads = grad(loss)({ w: tensor([1, 2]), layers: [tensor([3, 4]), tensor(5)] }, 10)
    expect(numbersOf(grads.w)).toEqual([150, 200])
    expect(grads.layers.map(numbersOf)).toEqual([[50, 100], 110])
  })

  it('with respect to an inner argument does not confuse it with an outer one', () => {
    // d/dx [x d/dy (x + y)] = 1, where confusing the two gives 2 (Siskind and Pearlmutter 2008).
    const f = (x: Tensor): Tensor => mul(grad((y: Tensor) => add(y)(x))(tensor(1)))(x)
    expect(numberOf(grad(f)(tensor(1)))).toBe(1)
  })

  it('names the shape of a loss that is not a scalar', () => {
    expect(() => grad((x: Tensor) => mul(2)(x))(tensor([1, 2]))).toThrow('a value of shape [2], expected a scalar')
    expect(() => grad((x: Tensor) => x)(tensor(1, { dtype: 'i32' }))).toThrow('derivatives are taken of f32 tensors')
    expect(() => grad(() => tensor(1, { dtype: 'i32' }))(tensor(1))).toThrow('expected an f32 scalar')
  })
})

describe('valueAndGrad', () => {
  it('gives both at once, and passes an auxiliary result of any type through', () => {
    const { value, grads } = valueAndGrad((x: Tensor) => pipe(x, exp, sum()))(tensor([0, 0]))
    expect([numbersOf(value), numbersOf(grads)]).toEqual([2, [1, 1]])
    const { aux } = valueAndGradWithAux((x: Tensor) => [sum()(x), { note: 'anything', x: mul(3)(x) }] as const)(
      tensor([1])
    )
    expect([aux.note, numbersOf(aux.x)]).toEqual(['anything', [3]])
  })
})

describe('hessianVectorProduct', () => {
  it("of x B x / 2 is (B + B') v / 2, wherever x is", () => {
    fc.assert(
      fc.property(tensorOf([3, 3]), tensorOf([3]), tensorOf([3]), (b, x, v) => {
        const quadratic = (t: Tensor): Tensor => pipe(t, matmul(b), mul(t), sum(), mul(0.5))
        const expected = pipe(b, matmul(v), add(matmul(b)(v)), mul(0.5))
        const difference = sub(expected)(hessianVectorProduct(quadratic)(x, v))
        expect(numberOf(innerProduct(difference, difference))).toBeCloseTo(0, 10)
      })
    )
  })

  it('is symmetric: <u, H v> = <v, H u>', () => {
    const f = ({ a, b }: { readonly a: Tensor; readonly b: Tensor }): Tensor => pipe(a, matmul(b), tanh, sum())
    const points = fc.record({ a: tensorOf([2, 3]), b: tensorOf([3, 1]) })
    fc.assert(
      fc.property(points, points, points, (x, u, v) => {
        const left = numberOf(innerProduct(u, hessianVectorProduct(f)(x, v)))
        const right = numberOf(innerProduct(v, hessianVectorProduct(f)(x, u)))
        expect(left).toBeCloseTo(right, 8) // up to 1e3 in value, 16 digits, a few hundred roundings
      })
    )
  })

  it('refuses a direction of another shape', () => {
    expect(() => hessianVectorProduct((x: Tensor) => sum()(exp(x)))(tensor([1, 2]), tensor([1]))).toThrow('[2] and [1]')
  })
})
