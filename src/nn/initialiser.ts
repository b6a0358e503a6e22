/**
 * Initial values of parameters, and trees of parameter descriptions.
 *
 * A model describes its parameters as a tree of `parameter(shape, initialiser)`; `initialise` turns the tree into tensors.
 * Each parameter's key is folded from its own path, so adding or removing one changes no other.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { invalidArgument } from '../tensor/fault.js'
import { concat, full, mul, slice, sub, type Shape, type Tensor } from '../tensor/index.js'
import { truncatedNormal as standardTruncatedNormal, uniform, type Key } from '../tensor/random.js'
import { showShape, sizeOf } from '../tensor/shape.js'
import { entries, mapTree } from '../tensor/tree.js'
import { foldName } from './name-key.js'

/** f32 values of the given shape, drawn with the given key. */
export type Initialiser = (key: Key, shape: Shape) => Tensor

export type ParameterSpec = {
  readonly shape: Shape
  readonly initialiser: Initialiser
}

/** The same tree with a tensor where each description was. */
export type Initialised<T> = T extends ParameterSpec
  ? Tensor
  : T extends object
    ? { readonly [K in keyof T]: Initialised<T[K]> }
    : never

export const parameter = (shape: Shape, initialiser: Initialiser): ParameterSpec => ({ shape, initialiser })

/**
 * A normal distribution truncated at two standard deviations: values beyond are drawn again, not clipped.
 *
 * `std` is that of the normal before truncation, as in BERT and TensorFlow; the values' own is 0.8796257 of it.
 */
export const truncatedNormal =
  (std: number): Initialiser =>
  (key, shape) =>
    pipe(key, standardTruncatedNormal(shape), mul(std))

/** BERT's and ELECTRA's initialiser of embeddings and most dense weights. */
export const bertNormal: Initialiser = truncatedNormal(0.02)

/**
 * Glorot's uniform distribution over `[-b, b)` with `b = sqrt(6 / (inputs + outputs))`, for matrices.
 *
 * Glorot and Bengio 2010, http://proceedings.mlr.press/v9/glorot10a.html. TensorFlow's default for kernels; which axis
 * is inputs does not matter. Throws `InvalidArgument` unless the shape has two axes.
 */
export const glorotUniform: Initialiser = (key, shape) => {
  if (shape.length !== 2) throw invalidArgument('glorotUniform', `shape ${showShape(shape)}`, 'a matrix')
  const bound = Math.sqrt(6 / (shape[0] + shape[1]))
  return pipe(key, uniform(shape), mul(2 * bound), sub(bound))
}

export const constantly =
  (value: number): Initialiser =>
  (_, shape) =>
    full(shape, value)

export const zeros: Initialiser = constantly(0)

export const ones: Initialiser = constantly(1)

export const isParameterSpec = (x: unknown): x is ParameterSpec =>
  typeof x === 'object' && x !== null && 'initialiser' in x && typeof x.initialiser === 'function'

/** One tensor for each description, drawn with `key` folded by the name that is its path. */
export const initialise =
  (key: Key) =>
  <T>(specs: T): Initialised<T> =>
    // `mapTree` types its result for trees of tensors; these leaves are descriptions.
    mapTree(
      isParameterSpec,
      ({ shape, initialiser }, path) => initialiser(foldName(path)(key), shape),
      specs
    ) as unknown as Initialised<T>

/** The number of values that a tree of descriptions stands for. */
export const countParameters = (specs: unknown): number =>
  entries(isParameterSpec, specs).reduce((total, [, { shape }]) => total + sizeOf(shape), 0)

/** The first `rows` of a matrix by one initialiser, the others by another: each draws a whole matrix, so neither knows. */
export const rowsFirst =
  (rows: number, first: Initialiser, others: Initialiser): Initialiser =>
  (key, shape) =>
    shape[0] === rows
      ? first(key, shape)
      : concat(0)([first(key, [rows, shape[1]]), pipe(others(key, shape), slice([[rows, shape[0]]]))])
