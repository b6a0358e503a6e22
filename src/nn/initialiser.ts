/**
 * Initial values of parameters, and trees of parameter descriptions.
 *
 * A model describes its parameters as a tree of `parameter(shape, initialiser)`; `initialise` turns the tree into tensors.
 * Each parameter's key is folded from its own path, so adding or removing one changes no other.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { invalidArgument } from '../tensor/fault.js'
import {
  arange,
  concat,
  cos,
  exp,
  expandDims,
  full,
  log,
  mul,
  sin,
  slice,
  sub,
  type Shape,
  type Tensor
} from '../tensor/index.js'
import { truncatedNormal as standardTruncatedNormal, uniform, type Key } from '../tensor/random.js'
import { showShape, sizeOf } from '../tensor/shape.js'
import { entries, mapTree } from '../tensor/tree.js'
import { foldName } from './name-key.js'

/** f32 values of the given shape, drawn with the given key. */
export type Initialiser = (key: Key, shape: Shape) => Tensor

export type ParameterSpec = {
  readonly shape: Shape
  readonly initialiser: Initialiser
  /** The name of a module beside this parameter's own: its parameter of the same name is drawn with the same key. */
  readonly twin?: string
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

/**
 * Sines and cosines of the row's number, at wavelengths from 2 pi to 2 pi times `longest`:
 *
 *     w[p, k] = a sin(p / longest^(k / h)),    w[p, h + k] = a cos(p / longest^(k / h)),    h = ceil(E / 2)
 *
 * Near rows have large inner products, and those of all rows at one distance are alike. Vaswani et al. 2017, section 3.5,
 * https://arxiv.org/abs/1706.03762, where `longest` is 10,000. The key is not used; of an odd width the last cosine is
 * missing. Throws `InvalidArgument` unless the shape has two axes.
 */
export const sinusoids =
  (amplitude: number, longest: number): Initialiser =>
  (_, shape) => {
    if (shape.length !== 2) throw invalidArgument('sinusoids', `shape ${showShape(shape)}`, 'a matrix')
    const [rows, width] = shape
    const half = Math.ceil(width / 2)
    // Functions of the device: engines round their own differently.
    const frequency = pipe(full([half], longest), log, mul(arange(half, 'f32')), mul(-1 / half), exp)
    const angle = pipe(arange(rows, 'f32'), expandDims(1), mul(expandDims(0)(frequency)))
    return pipe(concat(1)([sin(angle), cos(angle)]), slice([null, [0, width]]), mul(amplitude))
  }

export const constantly =
  (value: number): Initialiser =>
  (_, shape) =>
    full(shape, value)

export const zeros: Initialiser = constantly(0)

export const ones: Initialiser = constantly(1)

export const isParameterSpec = (x: unknown): x is ParameterSpec =>
  typeof x === 'object' && x !== null && 'initialiser' in x && typeof x.initialiser === 'function'

/** `a.key.weight` with the twin `query` is drawn as `a.query.weight`. */
const drawnAs = (path: string, twin: string | undefined): string =>
  twin === undefined ? path : path.split('.').with(-2, twin).join('.')

/** One tensor for each description, drawn with `key` folded by the name that is its path. */
export const initialise =
  (key: Key) =>
  <T>(specs: T): Initialised<T> =>
    // `mapTree` types its result for trees of tensors; these leaves are descriptions.
    mapTree(
      isParameterSpec,
      ({ shape, initialiser, twin }, path) => initialiser(foldName(drawnAs(path, twin))(key), shape),
      specs
    ) as unknown as Initialised<T>

/** The number of values that a tree of descriptions stands for. */
export const countParameters = (specs: unknown): number =>
  entries(isParameterSpec, specs).reduce((total, [, { shape }]) => total + sizeOf(shape), 0)
