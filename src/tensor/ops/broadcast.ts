/**
 * NumPy's broadcasting, made explicit: the vocabulary stretches its operands here, and the nodes below it see one shape.
 */

import { shapeMismatch } from '../fault.js'
import { broadcastShapes, equalShapes, type Shape } from '../shape.js'
import { broadcastNode, constantNode, expectTensor, type Tensor } from '../tensor.js'

/** What a binary operation takes beside its tensor: another tensor, or a number that becomes a constant of its dtype. */
export type Operand = Tensor | number

/** `operand` itself, or a number as a scalar constant of the dtype of `like`. Integers in integer tensors only. */
export const operandLike = (op: string, like: Tensor, operand: Operand): Tensor => {
  expectTensor(op, like)
  if (typeof operand === 'number') return constantNode(operand, like.dtype)
  expectTensor(op, operand)
  return operand
}

/** `x` stretched to `shape`: a node only where there is something to stretch. */
export const stretch = (shape: Shape, x: Tensor): Tensor => (equalShapes(shape, x.shape) ? x : broadcastNode(shape, x))

/** The shape that all of them broadcast to. Throws `ShapeMismatch` in the name of `op`. */
export const commonShape = (op: string, shapes: ReadonlyArray<Shape>): Shape =>
  shapes.reduce((all, next) => {
    const fit = broadcastShapes(all, next)
    if (fit === undefined) throw shapeMismatch(op, ...shapes)
    return fit
  }, [])
