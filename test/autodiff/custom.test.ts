/**
 * Derivatives of one's own, and computing again instead of remembering.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { isRight } from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkpoint, customVjp, grad, stopGradient } from '../../src/autodiff/index.js'
import {
  add,
  exp,
  matmul,
  mul,
  neg,
  ones,
  reshape,
  sin,
  sub,
  sum,
  take,
  tanh,
  tensor,
  TensorFault,
  type Tensor
} from '../../src/tensor/index.js'
import { spec, trace } from '../../src/tensor/program/trace.js'
import { assertGradients, broadcastablePairs, tensorOf, tensors } from '../../src/testing/index.js'
import { numberOf, numbersOf } from './numbers-of.js'

/** How many instructions of the gradient's program apply `fn`. */
const countOf = (fn: string, f: (x: Tensor) => Tensor): number => {
  const traced = trace(grad(f))(spec([4]))
  if (!isRight(traced)) throw new Error(JSON.stringify(traced.left))
  return traced.right.program.instructions.filter(({ op }) => op._tag === 'unary' && op.fn === fn).length
}

describe('customVjp', () => {
  it('takes the place of the derivative that the function itself has', () => {
    const straightThrough = customVjp(
      (x: Tensor) => mul(0)(x),
      (ct) => [ct]
    )
    const f = (x: Tensor): Tensor => pipe(straightThrough(x), mul(3), sum())
    expect(numberOf(f(tensor([1, 2])))).toBe(0)
    expect(numbersOf(grad(f)(tensor([1, 2])))).toEqual([3, 3])
  })

  it('holds at both orders when the rule is right, whether it uses the result or the arguments', () => {
    const ofResult = customVjp(
      (x: Tensor) => exp(x),
      (ct, y) => [mul(y)(ct)]
    )
    const ofArguments = customVjp(
      ({ a, b }: { readonly a: Tensor; readonly b: Tensor }) => mul(b)(a),
      (ct, _, [{ a, b }]) => [{ a: mul(b)(ct), b: mul(a)(ct) }]
    )
    assertGradients(ofResult, tensors({ max: 2 }), { order: 2 })
    assertGradients(
      ofArguments,
      tensorOf([2]).chain((a) => tensorOf([2]).map((b) => ({ a, b }))),
      { order: 2 }
    )
  })

  it('is used again where its result is differentiated again', () => {
    // The rule says that the derivative of f is f: at every order, though f itself is sin.
    const f = customVjp(
      (x: Tensor) => sin(x),
      (ct, y) => [mul(y)(ct)]
    )
    expect(numberOf(grad(grad(grad(f)))(tensor(0.5)))).toBeCloseTo(Math.sin(0.5), 12)
  })

  it('takes arguments that are not f32, and undefined for those and for zero', () => {
    const rows = customVjp(
      (table: Tensor, ids: Tensor) => take(ids)(table),
      (ct, _, [table]) => [add(sum()(ct))(mul(0)(table)), undefined]
    )
    const f = (x: Tensor): Tensor => sum()(rows(x, tensor([0, 1], { dtype: 'i32' })))
    expect(numbersOf(grad(f)(tensor([1, 2, 3])))).toEqual([2, 2, 2])
    const nothing = customVjp(
      (x: Tensor) => exp(x),
      () => [undefined]
    )
    expect(numberOf(grad(nothing)(tensor(1)))).toBe(0)
  })

  it('refuses cotangents of other shapes and structures', () => {
    const identity = (x: Tensor): Tensor => add(0)(x)
    const misshapen = customVjp(identity, (ct) => [sum()(ct)])
    expect(() => grad((x: Tensor) => sum()(misshapen(x)))(ones([2]))).toThrow(
      'customVjp: found f32[] as the cotangent of argument 0, expected f32[2]'
    )
    const misplaced = customVjp(
      ({ a }: { readonly a: Tensor }) => identity(a),
      (ct) => [{ b: ct } as unknown as { a: Tensor }]
    )
    expect(() => grad((a: Tensor) => misplaced({ a }))(tensor(1))).toThrow('cotangents at 0.b')
  })

  it('refuses to lose the gradient of a tensor that its function reaches from outside', () => {
    const closing = (x: Tensor): Tensor =>
      customVjp(
        (y: Tensor) => mul(x)(y),
        (ct) => [ct]
      )(x)
    expect(() => grad(closing)(tensor(1))).toThrow(TensorFault)
    expect(() => grad((x: Tensor) => checkpoint((y: Tensor) => mul(x)(y))(tensor(2)))(tensor(1))).toThrow(TensorFault)
    // What is not differentiated may come from anywhere, and so may what is stopped.
    const stopped = (x: Tensor): Tensor => checkpoint((y: Tensor) => mul(stopGradient(x))(y))(x)
    expect(numberOf(grad(stopped)(tensor(5)))).toBe(5)
    const scale = tensor(3)
    expect(numberOf(grad(checkpoint((y: Tensor) => mul(scale)(y)))(tensor(2)))).toBe(3)
  })
})

describe('checkpoint', () => {
  const block = (x: Tensor): Tensor => pipe(x, exp, neg, tanh, exp)

  it('changes neither values nor gradients, at any order', () => {
    fc.assert(
      fc.property(tensorOf([2, 2], { min: -1, max: 1 }), tensorOf([2, 2]), (x, w) => {
        const layer = (h: Tensor, k: Tensor): Tensor => block(matmul(k)(h))
        const loss =
          (apply: (h: Tensor, k: Tensor) => Tensor) =>
          ([h, k]: readonly [Tensor, Tensor]): Tensor =>
            sum()(apply(apply(h, k), k))
        const [plain, again] = [loss(layer), loss(checkpoint(layer))]
        expect(numberOf(again([x, w]))).toBe(numberOf(plain([x, w])))
        const difference = (a: readonly [Tensor, Tensor], b: readonly [Tensor, Tensor]): number =>
          Math.max(...a.map((p, i) => Math.abs(numberOf(sum()(sub(b[i])(p))))))
        expect(difference(grad(plain)([x, w]), grad(again)([x, w]))).toBe(0)
      })
    )
    assertGradients(([a, b]) => checkpoint((x: Tensor, y: Tensor) => tanh(mul(y)(x)))(a, b), broadcastablePairs(), {
      order: 2
    })
  })

  it('computes its function a second time in the backward pass', () => {
    // The gradient of sin(block(x)) needs the block's result and, inside the block, both exponentials.
    expect(countOf('exp', (x) => sum()(sin(block(x))))).toBe(2)
    expect(countOf('exp', (x) => sum()(sin(checkpoint(block)(x))))).toBe(4)
    // Where nothing else needs the result, only the second computation is left.
    expect(countOf('exp', (x) => sum()(checkpoint(block)(x)))).toBe(2)
  })

  it('can be nested', () => {
    const nested = checkpoint((x: Tensor) => sin(checkpoint(block)(x)))
    assertGradients(nested, tensors({ min: -1, max: 1, maxExtent: 2 }), { order: 2 })
  })

  it('passes integers through', () => {
    const rows = checkpoint((table: Tensor, ids: Tensor) => tanh(take(ids)(table)))
    const f = (table: Tensor): Tensor => sum()(rows(table, tensor([0, 0], { dtype: 'i32' })))
    expect(numbersOf(grad(f)(reshape([2, 1])(tensor([0, 0]))))).toEqual([[2], [0]])
  })
})
