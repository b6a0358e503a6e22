/**
 * Derivatives of a scalar function by finite differences, in float64 on the reference device.
 *
 * At a step h the central difference D(h) = (F(x + h d) - F(x - h d)) / 2h is off by h^2/6 of a third derivative, which one step of
 * Richardson's extrapolation removes: (4 D(h) - D(2h)) / 3 is off by h^4/30 of a fifth derivative (truncation), and by about
 * 1.5 eps |F| / h for each rounding inside F. With h = cbrt(eps) = 6e-6 the two are below 1e-21 and 6e-11 of their scales,
 * so agreement to 1e-6 of the scale leaves room for tens of thousands of roundings, and still no mistake in a derivative
 * fits into it.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { TensorError } from '../tensor/fault.js'
import { peek } from '../tensor/literal.js'
import { lower } from '../tensor/program/lower.js'
import { attempt } from '../tensor/program/trace.js'
import { allocateOutputsOn, asWidth } from '../tensor/run/arrays.js'
import type { DeviceError } from '../tensor/run/device.js'
import { reference } from '../tensor/run/reference/reference.js'
import type { Tensor } from '../tensor/tensor.js'

/** Where everything is computed. */
export const device = reference({ floats: 'float64' })

/** A point of the space of all arguments, or a direction in it: an array for each tensor. */
export type Arrays = ReadonlyArray<Float64Array>

/** Arrays from arrays, by running a program. */
export type Evaluate = (arrays: Arrays) => E.Either<DeviceError, Arrays>

/** The program of `outputs` as a function of the arrays of `inputs`. It runs many times; it is lowered once. */
export const evaluator = (
  outputs: ReadonlyArray<Tensor>,
  inputs: ReadonlyArray<Tensor>
): E.Either<TensorError | DeviceError, Evaluate> =>
  pipe(
    attempt(() =>
      lower(
        outputs.map((tensor, i) => ({ name: String(i), tensor })),
        inputs
      )
    ),
    E.bindTo('lowered'),
    E.bindW('executable', ({ lowered: { program } }) => device.load(program)),
    E.map(({ lowered: { program, captured }, executable }) => {
      const known = captured.map((x) => asWidth(peek(x), x.dtype, device.floats))
      return (arrays) =>
        pipe(
          allocateOutputsOn(device, program),
          E.chainFirst((results) => executable.run([...arrays, ...known], results)()),
          E.map((results) => results.map((y) => Float64Array.from(y)))
        )
    })
  )

export const dotProduct = (a: Arrays, b: Arrays): number =>
  a.reduce((total, x, i) => x.reduce((t, v, j) => t + v * b[i][j], total), 0)

export const norm = (arrays: Arrays): number => Math.sqrt(dotProduct(arrays, arrays))

const moved = (x: Arrays, by: number, direction: Arrays): Arrays =>
  x.map((leaf, i) => leaf.map((v, j) => v + by * direction[i][j]))

/** `(F(x + h d) - F(x - h d)) / 2h` */
const centralDifference = (valueAt: Evaluate, x: Arrays, direction: Arrays, h: number): E.Either<DeviceError, number> =>
  pipe(
    E.Do,
    E.bind('ahead', () => valueAt(moved(x, h, direction))),
    E.bind('behind', () => valueAt(moved(x, -h, direction))),
    E.map(({ ahead, behind }) => (ahead[0][0] - behind[0][0]) / (2 * h))
  )

/** Step of a central difference in double precision, for arguments of the order of 1: the cube root of 2^-52. */
const step = 6.055454452393343e-6

/** The derivative of a scalar along `direction` at `x`, whose numbers that move are of the order of `scale`: `(4 D(h) - D(2h)) / 3`. */
export const numericDerivative = (
  valueAt: Evaluate,
  x: Arrays,
  direction: Arrays,
  scale: number
): E.Either<DeviceError, number> => {
  const h = step * scale
  return pipe(
    E.Do,
    E.bind('near', () => centralDifference(valueAt, x, direction, h)),
    E.bind('far', () => centralDifference(valueAt, x, direction, 2 * h)),
    E.map(({ near, far }) => (4 * near - far) / 3)
  )
}
