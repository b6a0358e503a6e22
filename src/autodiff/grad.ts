/**
 * Gradients of scalar functions, and products with their Hessians.
 *
 * Everything here is `vjp` at a cotangent of one, so it composes with itself: `grad` of a function that uses `grad` is a
 * second derivative, and so on to any order.
 */

import { dtypeMismatch, invalidArgument } from '../tensor/fault.js'
import { add, mul } from '../tensor/ops/arithmetic.js'
import { ones, zeros } from '../tensor/ops/create.js'
import { sum } from '../tensor/ops/reduce.js'
import { showShape } from '../tensor/shape.js'
import type { Tensor } from '../tensor/tensor.js'
import { tensorsOf, zipTensors } from '../tensor/tree.js'
import { expectLike, vjpWithAux } from './vjp.js'

const expectScalar = (op: string, x: Tensor): void => {
  if (x.shape.length !== 0) throw invalidArgument(op, `a value of shape ${showShape(x.shape)}`, 'a scalar, shape []')
  if (x.dtype !== 'f32') throw dtypeMismatch(op, [x.dtype], 'an f32 scalar')
}

/**
 * Value, auxiliary result and gradient of a function that returns `[scalar, auxiliary]`.
 *
 * The auxiliary result (metrics, say) is of any type; it is passed through and not differentiated. See `grad`.
 */
export const valueAndGradWithAux =
  <P, Rest extends ReadonlyArray<unknown>, Aux>(f: (params: P, ...rest: Rest) => readonly [Tensor, Aux]) =>
  (params: P, ...rest: Rest): { readonly value: Tensor; readonly aux: Aux; readonly grads: P } => {
    const { value, aux, pullback } = vjpWithAux((placed: P) => f(placed, ...rest))(params)
    expectScalar('grad', value)
    return { value, aux, grads: pullback(ones([])) }
  }

/** Value and gradient of a scalar function: what a training step needs. See `grad`. */
export const valueAndGrad =
  <P, Rest extends ReadonlyArray<unknown>>(f: (params: P, ...rest: Rest) => Tensor) =>
  (params: P, ...rest: Rest): { readonly value: Tensor; readonly grads: P } => {
    const { value, grads } = valueAndGradWithAux(
      (placed: P, ...others: Rest) => [f(placed, ...others), undefined] as const
    )(params, ...rest)
    return { value, grads }
  }

/**
 * The gradient of a scalar function with respect to its first argument, as a function of all its arguments.
 *
 * The argument is a tree of f32 tensors, and the gradient is a tree of the same structure and shapes; the other arguments
 * are anything. Throws `TensorFault` where the function's value is not an f32 of shape `[]`, or a leaf of the argument
 * is not f32.
 *
 * A branch that `where` does not take still gives NaN where its own derivative is infinite: see the head of `rules.ts`.
 *
 *     const slope = grad((x: Tensor) => pipe(x, square, sum()))   // slope(x) = 2 x
 */
export const grad =
  <P, Rest extends ReadonlyArray<unknown>>(f: (params: P, ...rest: Rest) => Tensor) =>
  (params: P, ...rest: Rest): P =>
    valueAndGrad(f)(params, ...rest).grads

/** `<a, b>`: the sum, over the leaves of two trees of one structure, of their elements' products. */
export const innerProduct = <T>(a: T, b: T): Tensor =>
  tensorsOf(zipTensors((x, y) => sum()(mul(y)(x)), a, b)).reduce((total, part) => add(part)(total), zeros([]))

/**
 * The product of `f`'s Hessian at `x` with the direction `v`: the gradient of `x -> <grad f(x), v>`.
 *
 * The Hessian itself is never made. `x` and `v` are trees of one structure and shapes.
 */
export const hessianVectorProduct =
  <P>(f: (x: P) => Tensor) =>
  (x: P, v: P): P => {
    expectLike('hessianVectorProduct', x, v)
    return grad((at: P) => innerProduct(grad(f)(at), v))(x)
  }
