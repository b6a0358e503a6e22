/**
 * The laws of the pullback, whatever the function.
 */

import { pipe } from 'fp-ts/lib/function.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { innerProduct } from '../../src/autodiff/grad.js'
import { grad, stopGradient, vjp } from '../../src/autodiff/index.js'
import {
  add,
  argmax,
  cast,
  exp,
  matmul,
  mul,
  ones,
  sin,
  softmax,
  square,
  sub,
  sum,
  tanh,
  tensor,
  TensorFault,
  zeros,
  type Tensor
} from '../../src/tensor/index.js'
import { tensorOf } from '../../src/testing/index.js'
import { numberOf, numbersOf } from './numbers-of.js'

/** Doubles carry 16 digits; the values here are sums of at most 40 terms of up to 100. */
const digits = 10

type Pair = { readonly a: Tensor; readonly b: Tensor }

/** Two arguments, two results, shared parts, a contraction and a normalisation. */
const network = ({ a, b }: Pair): readonly [Tensor, Tensor] => {
  const hidden = tanh(matmul(b)(a))
  return [softmax()(hidden), pipe(hidden, mul(hidden), sum({ axes: 0 }), add(sum()(b)))]
}

const points = fc.record({ a: tensorOf([2, 3]), b: tensorOf([3, 2]) })
const cotangents = fc.tuple(tensorOf([2, 2]), tensorOf([2]))

describe('vjp', () => {
  it('returns the value of the function unchanged', () => {
    fc.assert(
      fc.property(points, (at) => {
        const { value } = vjp(network)(at)
        expect(value.map(numbersOf)).toEqual(network(at).map(numbersOf))
      })
    )
  })

  it('is linear in the cotangent', () => {
    fc.assert(
      fc.property(points, cotangents, cotangents, tensorOf([]), (at, u, v, c) => {
        const { pullback } = vjp(network)(at)
        const together = pullback([pipe(u[0], mul(c), add(v[0])), pipe(u[1], mul(c), add(v[1]))])
        const [one, other] = [pullback(u), pullback(v)]
        const apart = { a: pipe(one.a, mul(c), add(other.a)), b: pipe(one.b, mul(c), add(other.b)) }
        const difference = { a: sub(apart.a)(together.a), b: sub(apart.b)(together.b) }
        expect(numberOf(innerProduct(difference, difference))).toBeCloseTo(0, digits)
      })
    )
  })

  it('of a composition is the composition of the pullbacks, in reverse', () => {
    const inner = ({ a, b }: Pair): Tensor => matmul(b)(a)
    const outer = (x: Tensor): Tensor => softmax()(sin(x))
    fc.assert(
      fc.property(points, tensorOf([2, 2]), (at, ct) => {
        const first = vjp(inner)(at)
        const second = vjp(outer)(first.value)
        const chained = first.pullback(second.pullback(ct))
        const direct = vjp((x: Pair) => outer(inner(x)))(at).pullback(ct)
        const difference = { a: sub(direct.a)(chained.a), b: sub(direct.b)(chained.b) }
        expect(numberOf(innerProduct(difference, difference))).toBeCloseTo(0, digits)
      })
    )
  })

  it('counts a tensor once for each place where it stands in the argument', () => {
    const x = tensor([2, 3])
    const [first, second] = vjp(([a, b]: readonly [Tensor, Tensor]) => pipe(a, mul(square(b))))([x, x]).pullback(
      ones([2])
    )
    expect(numbersOf(first)).toEqual([4, 9])
    expect(numbersOf(second)).toEqual([8, 18])
  })

  it('does not differentiate what the function reaches from outside its argument', () => {
    const x = tensor([2, 3])
    expect(numbersOf(vjp((a: Tensor) => mul(x)(a))(x).pullback(ones([2])))).toEqual([2, 3])
  })

  it('adds the cotangents of a result that is returned twice', () => {
    const both = vjp((x: Tensor) => {
      const y = square(x)
      return [y, y, x] as const
    })(tensor([1, 2]))
    expect(numbersOf(both.pullback([tensor([1, 1]), tensor([10, 20]), tensor([0.5, 0])]))).toEqual([22.5, 84])
  })

  it('gives zeros for an argument that is not used, or used only through integers', () => {
    const { pullback } = vjp(({ a }: Pair) => cast('f32')(argmax(0)(a)))({ a: tensor([1, 2]), b: tensor([[3]]) })
    const { a, b } = pullback(tensor(1))
    expect([numbersOf(a), numbersOf(b)]).toEqual([[0, 0], [[0]]])
  })

  it('ignores what stands in the place of a cotangent of integers', () => {
    const { pullback } = vjp((x: Tensor) => ({ index: argmax(0)(x), x: square(x) }))(tensor([1, 2]))
    expect(numbersOf(pullback({ index: zeros([], 'i32'), x: ones([2]) }))).toEqual([2, 4])
  })

  it('takes empty tensors and scalars', () => {
    expect(numbersOf(vjp(exp)(zeros([0, 3])).pullback(zeros([0, 3])))).toEqual([])
    expect(numbersOf(vjp(square)(tensor(3)).pullback(tensor(2)))).toEqual(12)
  })

  it('walks graphs that are deeper than the call stack', () => {
    const deep = (x: Tensor): Tensor => Array.from({ length: 100_000 }).reduce<Tensor>((y) => add(1)(y), x)
    expect(numbersOf(grad(deep)(tensor(1)))).toEqual(1)
  })

  it('refuses primals that are not f32, and cotangents of other shapes, dtypes and structures', () => {
    expect(() => vjp((x: Tensor) => x)(tensor([1], { dtype: 'i32' }))).toThrow(TensorFault)
    expect(() => vjp((x: { readonly ids: Tensor }) => x)({ ids: tensor([1], { dtype: 'i32' }) })).toThrow("at 'ids'")
    const { pullback } = vjp(square)(tensor([1, 2]))
    expect(() => pullback(ones([3]))).toThrow('vjp: shapes do not match: [2] and [3]')
    expect(() => pullback(ones([2], 'i32'))).toThrow(TensorFault)
    expect(() => vjp((x: Tensor) => [x, x])(tensor(1)).pullback([tensor(1)])).toThrow(TensorFault)
  })
})

describe('stopGradient', () => {
  it('leaves the value and takes the gradient away, at every order', () => {
    const f = (x: Tensor): Tensor => pipe(x, mul(stopGradient(square(x))), sum())
    expect(numberOf(f(tensor([1, 2])))).toEqual(9)
    expect(numbersOf(grad(f)(tensor([1, 2])))).toEqual([1, 4])
    expect(numbersOf(grad((x: Tensor) => sum()(grad(f)(x)))(tensor([1, 2])))).toEqual([0, 0])
  })
})
