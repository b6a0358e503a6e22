/**
 * Contractions: sums of products over axes that two tensors share. `einsum.ts` writes them with letters.
 *
 * f32, i32 and u32; both sides of one dtype.
 */

import { shapeMismatch } from '../fault.js'
import { dotNode, expectTensor, type AxisPairs, type Tensor } from '../tensor.js'
import { commonShape, stretch } from './broadcast.js'
import { expandDims, squeeze } from './movement.js'
import { broadcastShapes } from '../shape.js'

const none: AxisPairs = { left: [], right: [] }

/**
 * Contraction by axis numbers: sums over the `contract` pairs, and keeps the `batch` pairs together.
 *
 * Result axes: batch, then the free axes of `x` in order, then those of `b`.
 */
export const dotGeneral =
  ({ batch = none, contract = none }: { readonly batch?: AxisPairs; readonly contract?: AxisPairs }, b: Tensor) =>
  (x: Tensor): Tensor =>
    dotNode(batch, contract, x, b)

/**
 * Matrix product `x @ b` by NumPy's rules.
 *
 * `[..., m, k] @ [..., k, n]` is `[..., m, n]`, the leading axes broadcast. A vector on the left is one row, on the right
 * one column, and that axis is gone from the result. Fails with `ShapeMismatch`.
 */
export const matmul =
  (b: Tensor) =>
  (x: Tensor): Tensor => {
    for (const operand of [x, b]) expectTensor('matmul', operand)
    const [m, n] = [x.shape.length, b.shape.length]
    if (!fits(x, b)) throw shapeMismatch('matmul', x.shape, b.shape)
    const product = matrixProduct(m === 1 ? expandDims(0)(x) : x, n === 1 ? expandDims(1)(b) : b)
    const withoutColumn = n === 1 ? squeeze(-1)(product) : product
    return m === 1 ? squeeze(n === 1 ? -1 : -2)(withoutColumn) : withoutColumn
  }

const fits = (x: Tensor, b: Tensor): boolean =>
  x.shape.length > 0 &&
  b.shape.length > 0 &&
  x.shape[x.shape.length - 1] === b.shape[Math.max(0, b.shape.length - 2)] &&
  broadcastShapes(x.shape.slice(0, -2), b.shape.slice(0, -2)) !== undefined

const matrixProduct = (a: Tensor, b: Tensor): Tensor => {
  // One matrix on the right is one large product, however many axes stand in front on the left.
  if (b.shape.length === 2) return dotNode(none, { left: [a.shape.length - 1], right: [0] }, a, b)
  const leading = commonShape('matmul', [a.shape.slice(0, -2), b.shape.slice(0, -2)])
  const batch = leading.map((_, i) => i)
  const rank = batch.length
  return dotNode(
    { left: batch, right: batch },
    { left: [rank + 1], right: [rank] },
    stretch([...leading, ...a.shape.slice(-2)], a),
    stretch([...leading, ...b.shape.slice(-2)], b)
  )
}
