/**
 * Functions that bring their own derivative, and functions that are computed again instead of remembered.
 *
 * Both take trees of tensors and return one tensor, and both see only what flows through their arguments: a function that
 * also uses a differentiated tensor from outside them would lose its gradient, so taking that gradient is a `TensorFault`.
 */

import { invalidArgument } from '../tensor/fault.js'
import { barrierNode, customNode, identityNode, type Tensor } from '../tensor/tensor.js'
import { entries, isTensor, mapTensors, tensorEntries, tensorsOf, unflatten, type Mapped } from '../tensor/tree.js'
import { floatEntries, ofFloats, placeFloats } from './floats.js'
import { vjp } from './vjp.js'

/**
 * From the cotangent of the result, the result and the list of arguments to the list of the arguments' cotangents, in
 * their structure; `undefined` is zero, and all that a leaf that is not f32 can have. Must be linear in the cotangent.
 */
export type CustomRule<Args extends ReadonlyArray<unknown>> = (
  cotangent: Tensor,
  value: Tensor,
  args: Args
) => CotangentsOf<Args>

export type CotangentsOf<Args extends ReadonlyArray<unknown>> = {
  readonly [K in keyof Args]: Mapped<Args[K], Tensor | undefined>
}

/**
 * `f` with the derivative that `rule` gives in place of its own.
 *
 * `value` in the rule is the result with this same derivative, so a rule that uses it holds for higher orders too; apart
 * from that the rule is differentiated as it is written. Taking the gradient throws `TensorFault` where the rule's
 * cotangents are not of their arguments' shapes.
 */
export const customVjp =
  <Args extends ReadonlyArray<unknown>>(f: (...args: Args) => Tensor, rule: CustomRule<Args>) =>
  (...args: Args): Tensor => {
    // Nodes of its own for the arguments: a tensor that is an argument and is used from outside as well is two things.
    const placed = mapTensors(identityNode, args) as unknown as Args
    return customNode(
      (ct, value, leaves) => inPlaceOf(args, rule(ct, value, unflatten(args, leaves) as unknown as Args)),
      f(...placed),
      tensorsOf(placed)
    )
  }

/**
 * `f`, whose intermediate values are computed a second time in the backward pass instead of being kept for it.
 *
 * The gradient is the same; memory falls from everything `f` computes to its arguments, for the price of one more
 * forward computation. The second computation stands behind a barrier on the cotangent, so it is not shared with the
 * first and does not start before the backward pass gets there.
 */
export const checkpoint = <Args extends ReadonlyArray<unknown>>(
  f: (...args: Args) => Tensor
): ((...args: Args) => Tensor) =>
  customVjp(f, (ct, _, args) => {
    const again = mapTensors((x) => barrierNode(x, ct), args) as unknown as Args
    const leaves = floatEntries(again).map(([, x]) => x)
    const cotangents = vjp(ofFloats((all: Args) => f(...all), again))(leaves).pullback(ct)
    return placeFloats(args, cotangents, () => undefined) as unknown as CotangentsOf<Args>
  })

const isCotangent = (x: unknown): x is Tensor | undefined => x === undefined || isTensor(x)

/** A rule's cotangents in the order of the arguments' leaves. Throws `TensorFault` where the structures differ. */
const inPlaceOf = (args: unknown, cotangents: unknown): ReadonlyArray<Tensor | undefined> => {
  const wanted = tensorEntries(args).map(([path]) => path)
  const found = entries(isCotangent, cotangents)
  if (found.length !== wanted.length || !found.every(([path], i) => path === wanted[i]))
    throw invalidArgument(
      'customVjp',
      `cotangents at ${found.map(([path]) => path).join(', ')}`,
      `one for each argument: ${wanted.join(', ')}`
    )
  return found.map(([, piece]) => piece)
}
