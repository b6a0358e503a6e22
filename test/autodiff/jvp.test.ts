/**
 * The directional derivative, and its tie to the pullback.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { isRight } from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { innerProduct } from '../../src/autodiff/grad.js'
import { checkpoint, customVjp, jvp, vjp } from '../../src/autodiff/index.js'
import {
  argmax,
  cos,
  exp,
  matmul,
  max,
  mul,
  sin,
  softmax,
  sum,
  tanh,
  tensor,
  type Tensor
} from '../../src/tensor/index.js'
import { spec, trace } from '../../src/tensor/program/trace.js'
import { tensorOf } from '../../src/testing/index.js'
import { numberOf, numbersOf } from './numbers-of.js'

type Pair = { readonly a: Tensor; readonly b: Tensor }

const sine = customVjp(
  (x: Tensor) => sin(x),
  (ct, _, [x]) => [mul(cos(x))(ct)]
)

const network = ({ a, b }: Pair): readonly [Tensor, Tensor] => {
  const hidden = checkpoint((x: Tensor, y: Tensor) => tanh(matmul(y)(x)))(a, b)
  return [softmax()(hidden), pipe(hidden, sine, mul(hidden), max({ axes: 0 }))]
}

const points = fc.record({ a: tensorOf([2, 3]), b: tensorOf([3, 2]) })

describe('jvp', () => {
  it("is the transpose of vjp: <J v, u> = <v, J' u>", () => {
    fc.assert(
      fc.property(points, points, fc.tuple(tensorOf([2, 2]), tensorOf([2])), (at, v, u) => {
        const forward = numberOf(innerProduct(jvp(network)(at, v).tangent, u))
        const backward = numberOf(innerProduct(v, vjp(network)(at).pullback(u)))
        expect(forward).toBeCloseTo(backward, 10) // sums of at most 16 terms of up to 100, in 16 digits
      })
    )
  })

  it('of sin in the direction v is v cos x', () => {
    fc.assert(
      fc.property(tensorOf([3]), tensorOf([3]), (x, v) => {
        const { value, tangent } = jvp(sin)(x, v)
        expect(numbersOf(value)).toEqual(numbersOf(sin(x)))
        expect(numbersOf(tangent)).toEqual(numbersOf(pipe(v, mul(cos(x)))))
      })
    )
  })

  it('can be taken again: the second directional derivative of exp is exp', () => {
    const slope = (x: Tensor): Tensor => jvp(exp)(x, tensor(1)).tangent
    expect(numberOf(jvp(slope)(tensor(2), tensor(1)).tangent)).toBeCloseTo(Math.exp(2), 12)
  })

  it('leaves nothing of the transposition in the program: one product, as in the derivation by hand', () => {
    const traced = trace((x: Tensor, v: Tensor) => jvp(sin)(x, v).tangent)(spec([3]), spec([3]))
    expect(
      isRight(traced) && traced.right.program.instructions.map(({ op }) => ('fn' in op ? op.fn : op._tag))
    ).toEqual(['cos', 'mul'])
  })

  it('gives results that are not f32 the tangent zero', () => {
    const { tangent } = jvp((x: Tensor) => ({ at: argmax(0)(x), total: sum()(x) }))(tensor([1, 2]), tensor([3, 4]))
    expect([numbersOf(tangent.at), numbersOf(tangent.total)]).toEqual([0, 7])
  })

  it('refuses tangents of another shape', () => {
    expect(() => jvp(sin)(tensor([1, 2]), tensor(1))).toThrow('jvp: shapes do not match: [2] and []')
  })
})
