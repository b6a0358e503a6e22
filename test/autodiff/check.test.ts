/**
 * The check itself: what it passes, what it catches, and what it says.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { customVjp, gradientCheck, showGradientError, type GradientCheckOptions } from '../../src/autodiff/index.js'
import {
  add,
  exp,
  iota,
  log,
  matmul,
  mul,
  neg,
  ones,
  scalar,
  sin,
  softmax,
  square,
  stopGradient,
  sum,
  take,
  tensor,
  zeros,
  type Tensor
} from '../../src/tensor/index.js'

const messageOf = <P>(f: (at: P) => unknown, at: P, options: GradientCheckOptions = {}): string =>
  pipe(
    gradientCheck(f, at, options),
    E.match(showGradientError, () => 'right')
  )

/** x^2 whose rule is off by the factor given. */
const squareTimes = (factor: number): ((x: Tensor) => Tensor) =>
  customVjp(
    (x: Tensor) => square(x),
    (ct, _, [x]) => [pipe(ct, mul(x), mul(2 * factor))]
  )

describe('gradientCheck', () => {
  it('passes right gradients, and reports how close the worst of them was', () => {
    const report = gradientCheck((x: Tensor) => softmax()(x), tensor([1, 2, 3]), { order: 2 })
    expect(E.isRight(report) && report.right.compared).toBe(2 * (3 + 2))
    expect(E.isRight(report) && report.right.worst !== undefined && report.right.worst.error).toBeLessThan(1e-9)
  })

  it('catches an error of one part in a hundred thousand', () => {
    expect(messageOf(squareTimes(1), tensor([1, 2]))).toBe('right')
    expect(messageOf(squareTimes(1 + 1e-5), tensor([1, 2]))).not.toBe('right')
  })

  it('catches gradients that are missing, not finite, or wrong in a single element', () => {
    expect(messageOf((x: Tensor) => stopGradient(x), tensor(1))).toContain('analytic 0')
    expect(messageOf((x: Tensor) => sum()(log(x)), tensor([0, 1]))).toContain('NaN')
    const oneWrong = customVjp(
      (x: Tensor) => square(x),
      (ct, _, [x]) => [pipe(ct, mul(x), mul(tensor([2, 2, 2.001])))]
    )
    const found = gradientCheck((x: Tensor) => sum()(oneWrong(x)), tensor([1, 1, 1]))
    expect(E.isLeft(found) && found.left).toMatchObject({
      _tag: 'WrongGradient',
      worst: { order: 1, along: { _tag: 'Element', path: '', index: [2] } }
    })
  })

  it('catches a rule that is right at first order and wrong at second', () => {
    // The derivative of exp from a copy of the result that does not itself depend on x.
    const frozen = customVjp(
      (x: Tensor) => exp(x),
      (ct, y) => [mul(stopGradient(y))(ct)]
    )
    expect(messageOf(frozen, tensor([0.5]))).toBe('right')
    expect(messageOf(frozen, tensor([0.5]), { order: 2 })).toContain("the gradient of the gradient's product")
  })

  it('sees through random directions what it does not look at element by element', () => {
    const lastWrong = customVjp(
      (x: Tensor) => square(x),
      (ct, _, [x]) => [pipe(ct, mul(x), mul(add(2)(pipe(iota([100], 0, 'f32'), mul(0.01)))))]
    )
    expect(messageOf((x: Tensor) => sum()(lastWrong(x)), ones([100]), { elements: 1, directions: 0 })).toBe('right')
    expect(messageOf((x: Tensor) => sum()(lastWrong(x)), ones([100]), { elements: 1 })).toContain('random direction')
  })

  it('names the path and index of the element', () => {
    const f = ({ layer }: { readonly layer: ReadonlyArray<Tensor> }): Tensor =>
      add(squareTimes(2)(layer[1]))(square(layer[0]))
    const message = messageOf(f, { layer: [ones([2, 2]), ones([2, 2])] })
    expect(message).toMatch(
      /^the gradient is wrong (at 'layer.1', element \[\d, \d\]|along random direction \d): analytic/
    )
  })

  it('holds tensors that are not f32 fixed', () => {
    const rows = ([table, ids]: readonly [Tensor, Tensor]): Tensor => square(take(ids)(table))
    expect(
      messageOf(rows, [
        tensor([
          [1, 2],
          [3, 4]
        ]),
        tensor([1, 1], { dtype: 'i32' })
      ])
    ).toBe('right')
  })

  it('takes empty trees and tensors, having nothing to compare', () => {
    const report = gradientCheck((x: Tensor) => sin(x), zeros([0, 2]))
    expect(E.isRight(report) && report.right).toEqual({ compared: 0, worst: undefined })
  })

  it('returns mistakes in the expression as they are', () => {
    expect(messageOf((x: Tensor) => matmul(ones([3]))(x), ones([2]))).toMatch(
      /^matmul: shapes do not match: \[2\] and \[3\]\n +at .*check\.test\.ts/
    )
    expect(messageOf(() => scalar(1, 'i32'), ones([2]))).toContain('a function without f32 results')
  })

  it('does not take a sum that cancels to zero for a wrong gradient', () => {
    expect(messageOf((x: Tensor) => sum()(add(neg(x))(x)), tensor([0.1, 0.7, 1.3]))).toBe('right')
    expect(messageOf((x: Tensor) => sum()(softmax()(x)), tensor([0.1, 0.7, 1.3]), { order: 2 })).toBe('right')
  })
})
