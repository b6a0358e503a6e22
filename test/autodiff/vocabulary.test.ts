/**
 * The compositions of the vocabulary, differentiated through all of their primitives, first and second order.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { describe, it } from 'vitest'
import fc from 'fast-check'
import {
  clip,
  cumsum,
  einsum,
  expandDims,
  flip,
  gather,
  iota,
  linspace,
  logSoftmax,
  logSumExp,
  matmul,
  mean,
  mul,
  oneHot,
  pad,
  random,
  reciprocal,
  relu,
  reshape,
  slice,
  softmax,
  split,
  square,
  squeeze,
  stack,
  sub,
  sum,
  takeAlongAxis,
  transpose,
  tril,
  triu,
  variance,
  type Shape,
  type Tensor
} from '../../src/tensor/index.js'
import { broadcastablePairs, shapes, tensorOf, tensors } from '../../src/testing/index.js'
import { ofArguments, ofProblems, problem, type GradientProperty } from './gradient-property.js'

const small = { maxExtent: 3 }
const withAxis = { ...small, minRank: 1 }

const ofOne = (f: (x: Tensor) => Tensor, options: Parameters<typeof tensors>[0] = small): GradientProperty =>
  ofArguments(f, tensors(options))

/** Any shapes that a matrix product takes: vectors, matrices and broadcast batches. */
const factors = fc
  .tuple(
    fc.constantFrom<readonly [Shape, Shape]>([[], []], [[2], [2]], [[2], []], [[], [2]], [[3, 1], [2]]),
    shapes({ minRank: 3, maxRank: 3, maxExtent: 3 }),
    fc.boolean(),
    fc.boolean()
  )
  .chain(([[leadA, leadB], [m, k, n], vectorA, vectorB]) =>
    fc.tuple(tensorOf(vectorA ? [k] : [...leadA, m, k]), tensorOf(vectorB ? [k] : [...leadB, k, n]))
  )

const contractions: ReadonlyArray<readonly [string, ReadonlyArray<Shape>]> = [
  [
    'bik,bkj->bij',
    [
      [2, 3, 2],
      [2, 2, 3]
    ]
  ],
  [
    'bhqd,bhkd->bhqk',
    [
      [2, 1, 2, 3],
      [2, 1, 3, 3]
    ]
  ],
  ['ij->ji', [[2, 3]]],
  ['ii', [[3, 3]]],
  ['i,j->ji', [[2], [3]]],
  [
    'ij,jk,kl->il',
    [
      [2, 2],
      [2, 3],
      [3, 2]
    ]
  ]
]

const properties: Readonly<Record<string, GradientProperty>> = {
  square: ofOne(square),
  reciprocal: ofOne(reciprocal, { ...small, min: 0.4 }),
  relu: ofOne(relu, { ...small, except: [0] }),
  clip: ofOne(clip(-1.005, 2.005)),
  sum: ofOne(sum({ keepDims: true })),
  mean: ofOne(mean({ axes: -1 }), withAxis),
  variance: ofOne(variance({ axes: 0 }), withAxis),
  'unbiased variance': ofOne(variance({ ddof: 1 }), { ...small, minRank: 1, minExtent: 2 }),
  logSumExp: ofOne(logSumExp()),
  'logSumExp over an axis': ofOne(logSumExp({ axes: 0, keepDims: true }), withAxis),
  softmax: ofOne(softmax(), withAxis),
  'softmax over the first axis': ofOne(softmax(0), withAxis),
  logSoftmax: ofOne(logSoftmax(), withAxis),
  cumsum: ofOne((x) => square(cumsum(0)(x)), { minRank: 1, maxRank: 2, maxExtent: 6 }),
  transpose: ofOne((x) => square(transpose(x)), { ...small, minRank: 2 }),
  'expandDims and squeeze': ofOne((x) => pipe(x, expandDims(1), expandDims(0), squeeze(0), square), withAxis),
  slice: ofOne((x) => pipe(x, slice([[-2, null, 2]]), square), withAxis),
  pad: ofOne((x) =>
    square(
      pad(
        x.shape.map((_, i) => [i, 1]),
        2
      )(x)
    )
  ),
  'split and stack': ofOne(
    (x) => pipe(x, split(x.shape[0]), ([first, ...rest]) => stack(1)([square(first), ...rest])),
    withAxis
  ),
  flip: ofOne((x) => pipe(x, flip([0, -1]), mul(square(x))), { ...small, minRank: 2 }),
  tril: ofOne((x) => square(tril(-1)(x)), { ...small, minRank: 2 }),
  triu: ofOne((x) => square(triu(1)(x)), { ...small, minRank: 2 }),
  oneHot: ofOne((x) => pipe(oneHot(3)(iota([2], 0)), mul(square(x))), {
    minRank: 1,
    maxRank: 1,
    minExtent: 3,
    maxExtent: 3
  }),
  linspace: ofOne((x) => pipe(linspace(0, 1, 3), mul(square(x))), { maxRank: 0 }),
  'a normal sample that is scaled and shifted': ofOne((x) => pipe(random.normal([3])(random.key(1)), mul(square(x))), {
    maxRank: 0
  }),
  matmul: ofArguments(([a, b]) => matmul(b)(a), factors),
  einsum: ofProblems(
    fc
      .constantFrom(...contractions)
      .chain(([subscripts, operands]) =>
        fc
          .tuple(...operands.map((shape) => tensorOf(shape)))
          .map((xs) => problem((at: ReadonlyArray<Tensor>) => square(einsum(subscripts)(...at)), xs))
      )
  ),
  gather: ofProblems(
    fc
      .tuple(tensorOf([2, 3, 2]), tensorOf([2, 4], { dtype: 'i32', min: 0, max: 4 }).map(sub(1)))
      .map(([x, indices]) => problem((at: Tensor) => square(gather(indices, 1, 1)(at)), x))
  ),
  takeAlongAxis: ofProblems(
    fc
      .tuple(tensorOf([2, 3]), tensorOf([2, 4], { dtype: 'i32', min: 0, max: 4 }).map(sub(1)))
      .map(([x, indices]) => problem((at: Tensor) => square(takeAlongAxis(indices, 1)(at)), x))
  ),
  'a difference of broadcast tensors': ofArguments(([a, b]) => pipe(a, sub(b), square), broadcastablePairs(small)),
  'a reshaped outer product': ofArguments(
    ([a, b]) => pipe(a, reshape([-1, 1]), mul(reshape([1, -1])(b)), square),
    broadcastablePairs(small)
  )
}

describe('first and second derivatives agree with finite differences for', () => {
  for (const [name, property] of Object.entries(properties)) it(name, () => property(2))
})
