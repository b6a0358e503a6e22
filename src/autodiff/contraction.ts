/**
 * The two transposes of the batched contraction.
 *
 * With `y = dot(a, b)`, each operand's cotangent is the contraction of `ct` with the other operand, over the axes that only
 * the other operand gave to `y`. For a matrix product that is `ct b'` and `a' ct`. Nothing is larger than the operands,
 * and the order of the two factors is chosen so that matrix products need no permutation afterwards.
 */

import { dotNode, freeAxes, permuteNode, type OpOf, type Tensor } from '../tensor/tensor.js'

/** One operand, and the roles of its axes. Batch and contracted axes stand in the order of the pairs. */
type DotOperand = {
  readonly x: Tensor
  readonly batch: ReadonlyArray<number>
  readonly contract: ReadonlyArray<number>
  readonly free: ReadonlyArray<number>
  /** Where the free axes are in the result. */
  readonly freeInResult: ReadonlyArray<number>
}

/** `start` is where the free axes begin in the result. */
const operandOf = (
  x: Tensor,
  batch: ReadonlyArray<number>,
  contract: ReadonlyArray<number>,
  start: number
): DotOperand => {
  const free = freeAxes(x.shape.length, batch, contract)
  return { x, batch, contract, free, freeInResult: free.map((_, i) => start + i) }
}

/** Cotangents of both operands of a `dot` node. */
export const dotCotangents = (
  { batch, contract }: OpOf<'dot'>,
  ct: Tensor,
  a: Tensor,
  b: Tensor
): readonly [Tensor, Tensor] => {
  const left = operandOf(a, batch.left, contract.left, batch.left.length)
  const right = operandOf(b, batch.right, contract.right, batch.left.length + left.free.length)
  return [cotangentOf(left, right, ct), cotangentOf(right, left, ct)]
}

const cotangentOf = (own: DotOperand, other: DotOperand, ct: Tensor): Tensor => {
  const batchInResult = own.batch.map((_, i) => i)
  // What remains of the other operand are its contracted axes, in its own order: here as axes of this operand.
  const contracted = other.contract
    .map((axis, i) => [axis, own.contract[i]] as const)
    .sort(([i], [j]) => i - j)
    .map(([, axis]) => axis)
  const isFreeFirst = Math.min(...own.free) < Math.min(...own.contract)
  return isFreeFirst
    ? arranged(
        [...own.batch, ...own.free, ...contracted],
        dotNode(
          { left: batchInResult, right: other.batch },
          { left: other.freeInResult, right: other.free },
          ct,
          other.x
        )
      )
    : arranged(
        [...own.batch, ...contracted, ...own.free],
        dotNode(
          { left: other.batch, right: batchInResult },
          { left: other.free, right: other.freeInResult },
          other.x,
          ct
        )
      )
}

/** `x` with its axis `i` moved to `places[i]`. */
const arranged = (places: ReadonlyArray<number>, x: Tensor): Tensor =>
  permuteNode(
    places.map((_, axis) => places.indexOf(axis)),
    x
  )
