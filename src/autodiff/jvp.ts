/**
 * Directional derivatives, by transposing twice.
 *
 * A pullback `ct -> J' ct` is linear, so its own transpose is `v -> J v`, and no second table of rules is needed. The
 * cotangent that the first transposition starts from is only a place: nothing in the result depends on it, and the
 * program does not contain it.
 */

import { zeros } from '../tensor/ops/create.js'
import { mapTensors } from '../tensor/tree.js'
import { expectLike, vjp } from './vjp.js'

/**
 * The value of `f` at `primals`, and its derivative there in the direction `tangents`: `J v`.
 *
 * Trees of f32 tensors; `tangents` has the structure and shapes of `primals`. A leaf of the value that is not f32 has the
 * tangent zero (f32). Throws `TensorFault` where structures or shapes differ.
 */
export const jvp =
  <P, V>(f: (primals: P) => V) =>
  (primals: P, tangents: P): { readonly value: V; readonly tangent: V } => {
    expectLike('jvp', primals, tangents)
    const { value, pullback } = vjp(f)(primals)
    const place = mapTensors((y) => zeros(y.shape), value) as V
    return { value, tangent: vjp(pullback)(place).pullback(tangents) }
  }
