/**
 * Tracing: a function of trees of tensors, called once with placeholders, becomes a program.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { DType } from '../dtype.js'
import { TensorFault, type TensorError } from '../fault.js'
import type { Literal } from '../literal.js'
import type { Shape } from '../shape.js'
import { inputNode, type Tensor } from '../tensor.js'
import { mapTensors, tensorEntries } from '../tree.js'
import { lower } from './lower.js'
import type { Program } from './program.js'

export type Traced<Result> = {
  readonly program: Program
  /** Literals that the function used: the values of the program's last inputs. */
  readonly captured: ReadonlyArray<Literal>
  /** Placeholders in the structure that the function returned: `unflatten(result, arrays)` puts outputs into it. */
  readonly result: Result
}

/** A placeholder for an argument that is not known yet. */
export const spec = (shape: Shape, dtype: DType = 'f32'): Tensor => inputNode('spec', shape, dtype)

/** Runs a computation on expressions; a `TensorFault` becomes a `Left`, anything else is our own defect and passes. */
export const attempt = <A>(build: () => A): E.Either<TensorError, A> => {
  try {
    return E.right(build())
  } catch (thrown) {
    if (thrown instanceof TensorFault) return E.left(thrown.error)
    throw thrown
  }
}

const join = (prefix: string, path: string): string => (path === '' ? prefix : `${prefix}.${path}`)

/**
 * The program of `f` for arguments of the given structure, shapes and dtypes (their values are not looked at).
 *
 * Inputs are the leaves of the arguments in order, named by argument number and path (`0.layer.1.weight`), then the
 * literals that `f` used. Outputs are the leaves of the result in order, named by path.
 */
export const trace =
  <Args extends ReadonlyArray<unknown>, Result>(f: (...args: Args) => Result) =>
  (...args: Args): E.Either<TensorError, Traced<Result>> =>
    attempt(() => {
      const placed = args.map((arg, n) =>
        mapTensors((x, path) => inputNode(join(String(n), path), x.shape, x.dtype), arg)
      )
      const inputs = placed.flatMap((arg) => tensorEntries(arg).map(([, x]) => x))
      const result = f(...(placed as unknown as Args))
      const outputs = tensorEntries(result).map(([path, tensor]) => ({ name: path, tensor }))
      // Not the result itself: nobody needs the expressions any more, and they are many.
      return { ...lower(outputs, inputs), result: mapTensors((x) => spec(x.shape, x.dtype), result) as Result }
    })
