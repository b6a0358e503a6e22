/**
 * One gradient property, or a stated reason for having none, for every primitive.
 *
 * The tables are total: a new element-wise function or operation without a row here does not compile. Domains keep the
 * values of a function and of its first three derivatives of the order of 1 to 100, which the tolerance of `gradientCheck`
 * is made for, and away from kinks.
 */

import { pipe } from 'fp-ts/lib/function.js'
import fc from 'fast-check'
import { customVjp } from '../../src/autodiff/index.js'
import type { Binary, Unary } from '../../src/tensor/elementwise.js'
import {
  abs,
  add,
  broadcastTo,
  cast,
  concat,
  cos,
  div,
  dotGeneral,
  erf,
  exp,
  expm1,
  floor,
  gt,
  iota,
  log,
  log1p,
  max,
  maximum,
  min,
  minimum,
  mul,
  neg,
  pow,
  random,
  reshape,
  rsqrt,
  scatterAdd,
  sigmoid,
  sign,
  sin,
  softplus,
  sqrt,
  square,
  stopGradient,
  sub,
  sum,
  take,
  tanh,
  tensor,
  where,
  type Shape,
  type Tensor
} from '../../src/tensor/index.js'
import {
  barrierNode,
  castNode,
  identityNode,
  padNode,
  permuteNode,
  sliceNode,
  type Marker,
  type Op
} from '../../src/tensor/tensor.js'
import { broadcastablePairs, shapes, tensorOf, tensors, type ValueOptions } from '../../src/testing/index.js'
import { ofArguments, ofProblems, problem, type GradientProperty } from './gradient-property.js'

/** No row of f32: nothing to differentiate. */
type NoFloats = 'integers and booleans only'

const small = { maxExtent: 3 }

const unary = (f: (x: Tensor) => Tensor, values: ValueOptions): GradientProperty =>
  ofArguments(f, tensors({ ...small, ...values }))

export const unaryProperties: Record<Unary, GradientProperty | NoFloats> = {
  neg: unary(neg, {}),
  abs: unary(abs, { except: [0] }),
  sign: unary(sign, { except: [0] }),
  floor: unary(floor, { except: [-4, -3, -2, -1, 0, 1, 2, 3, 4] }),
  exp: unary(exp, { max: 3 }),
  expm1: unary(expm1, { max: 3 }),
  log: unary(log, { min: 0.2, max: 8 }),
  log1p: unary(log1p, { min: -0.8, max: 8 }),
  sqrt: unary(sqrt, { min: 0.2, max: 8 }),
  rsqrt: unary(rsqrt, { min: 0.2, max: 8 }),
  sin: unary(sin, {}),
  cos: unary(cos, {}),
  tanh: unary(tanh, {}),
  erf: unary(erf, {}),
  sigmoid: unary(sigmoid, {}),
  softplus: unary(softplus, {}),
  not: 'integers and booleans only'
}

const binary = (
  f: (b: Tensor) => (a: Tensor) => Tensor,
  left: ValueOptions,
  right: ValueOptions = left
): GradientProperty => ofArguments(([a, b]) => f(b)(a), broadcastablePairs({ ...small, ...left }, right))

export const binaryProperties: Record<Binary, GradientProperty | NoFloats> = {
  add: binary(add, {}),
  sub: binary(sub, {}),
  mul: binary(mul, {}),
  div: binary(div, {}, { min: 0.4 }),
  pow: binary(pow, { min: 0.2, max: 3 }, { min: -2, max: 3 }),
  // Values are hundredths, so that these never tie.
  max: binary((b) => maximum(add(0.005)(b)), { min: -1, max: 1 }),
  min: binary((b) => minimum(add(0.005)(b)), { min: -1, max: 1 }),
  rem: 'integers and booleans only',
  and: 'integers and booleans only',
  or: 'integers and booleans only',
  xor: 'integers and booleans only',
  shl: 'integers and booleans only',
  shr: 'integers and booleans only'
}

// ------------------------------------------------- arguments for the others

/** Linear operations become a problem of second order too. */
const curved = (x: Tensor): Tensor => sin(x)

const axesOf = (shape: Shape): fc.Arbitrary<ReadonlyArray<number>> => fc.shuffledSubarray(shape.map((_, i) => i))

const numbersPerAxis = (shape: Shape, min: number, max: number): fc.Arbitrary<ReadonlyArray<number>> =>
  fc.array(fc.integer({ min, max }), { minLength: shape.length, maxLength: shape.length })

const reduction = (f: (options: { readonly axes: ReadonlyArray<number> }) => (x: Tensor) => Tensor): GradientProperty =>
  ofProblems(
    shapes({ ...small, minExtent: 0 }).chain((shape) =>
      fc
        .tuple(tensorOf(shape, { distinct: true }), axesOf(shape))
        // An extremum of nothing is infinite, and no scalar can be made of it.
        .filter(([x, axes]) => !(x.shape.includes(0) && axes.some((axis) => x.shape[axis] === 0)) || f === sum)
        .map(([x, axes]) => problem((at: Tensor) => curved(f({ axes })(at)), x))
    )
  )

const slicing = ofProblems(
  shapes(small).chain((shape) =>
    fc
      .tuple(
        tensorOf(shape),
        fc.tuple(
          ...shape.map((d) => fc.tuple(fc.integer({ min: 0, max: d }), fc.integer({ min: 1, max: 3 }), fc.nat(d)))
        )
      )
      .map(([x, cuts]) =>
        problem(
          (at: Tensor) =>
            curved(
              sliceNode(
                cuts.map(([start]) => start),
                cuts.map(([, step]) => step),
                cuts.map(([start, step, wanted], i) => Math.min(wanted, Math.ceil((shape[i] - start) / step))),
                at
              )
            ),
          x
        )
      )
  )
)

const padding = ofProblems(
  shapes({ maxRank: 2, maxExtent: 3, minExtent: 0 }).chain((shape) =>
    fc
      .tuple(tensorOf(shape), numbersPerAxis(shape, 0, 2), numbersPerAxis(shape, 0, 2), numbersPerAxis(shape, 0, 2))
      .map(([x, low, high, interior]) => problem((at: Tensor) => curved(padNode(low, high, interior, 0.5, at)), x))
  )
)

const permutation = ofProblems(
  tensors(small).chain((x) =>
    fc
      .shuffledSubarray(
        x.shape.map((_, i) => i),
        { minLength: x.shape.length }
      )
      .map((order) => problem((at: Tensor) => curved(permuteNode(order, at)), x))
  )
)

const reshaping = ofArguments((x) => pipe(x, reshape([-1, 1]), curved), tensors(small))

const broadcasting = ofProblems(
  tensors({ ...small, maxRank: 2, minExtent: 0 }).chain((x) =>
    fc
      .tuple(shapes({ maxRank: 1 }), numbersPerAxis(x.shape, 1, 3))
      .map(([lead, stretch]) =>
        problem(
          (at: Tensor) => curved(broadcastTo([...lead, ...x.shape.map((d, i) => (d === 1 ? stretch[i] : d))])(at)),
          x
        )
      )
  )
)

const joining = ofProblems(
  shapes({ ...small, minRank: 1 }).chain((shape) =>
    fc
      .tuple(fc.nat(shape.length - 1), fc.array(fc.nat(3), { minLength: 1, maxLength: 3 }))
      .chain(([axis, extents]) =>
        fc
          .tuple(...extents.map((d) => tensorOf(shape.map((e, i) => (i === axis ? d : e)))))
          .map((parts) => problem((at: ReadonlyArray<Tensor>) => curved(concat(axis)(at)), parts))
      )
  )
)

/** Extents with a place in the left and the right operand; the axes of both operands are then shuffled. */
const contraction = ofProblems(
  fc
    .tuple(
      shapes({ maxRank: 1, maxExtent: 2 }),
      shapes({ maxRank: 2, maxExtent: 3, minExtent: 0 }),
      shapes({ maxRank: 1 }),
      shapes({ maxRank: 1 })
    )
    .chain(([batch, contract, left, right]) => {
      const [paired, n] = [[...batch, ...contract], batch.length]
      const shuffled = (free: Shape): fc.Arbitrary<{ readonly shape: Shape; readonly at: ReadonlyArray<number> }> => {
        const extents = [...paired, ...free]
        return fc
          .shuffledSubarray(
            extents.map((_, i) => i),
            { minLength: extents.length }
          )
          .map((order) => ({ shape: order.map((i) => extents[i]), at: paired.map((_, i) => order.indexOf(i)) }))
      }
      return fc.tuple(shuffled(left), shuffled(right)).chain(([a, b]) =>
        fc.tuple(tensorOf(a.shape), tensorOf(b.shape)).map((operands) =>
          problem(
            ([x, y]: readonly [Tensor, Tensor]) =>
              pipe(
                x,
                dotGeneral(
                  {
                    batch: { left: a.at.slice(0, n), right: b.at.slice(0, n) },
                    contract: { left: a.at.slice(n), right: b.at.slice(n) }
                  },
                  y
                )
              ),
            operands
          )
        )
      )
    })
)

/** Indices beyond either end are among them, computed, as known ones must not be: they read 0 and add nowhere. */
const indices = shapes({ maxRank: 2, maxExtent: 3 }).chain((shape) =>
  tensorOf(shape, { dtype: 'i32', min: 0, max: 5 }).map(sub(1))
)

const gathering = ofProblems(
  shapes({ ...small, minRank: 1, maxRank: 2 }).chain((shape) =>
    fc
      .tuple(tensorOf(shape), indices, fc.nat(shape.length - 1))
      .map(([table, ids, axis]) => problem((at: Tensor) => curved(take(ids, axis)(at)), table))
  )
)

const scattering = ofProblems(
  shapes({ ...small, minRank: 1, maxRank: 2 }).chain((shape) =>
    fc
      .tuple(indices, fc.nat(shape.length - 1))
      .chain(([ids, axis]) =>
        tensorOf([...shape.slice(0, axis), ...ids.shape, ...shape.slice(axis + 1)]).map((updates) =>
          problem((at: Tensor) => curved(scatterAdd(ids, shape, axis)(at)), updates)
        )
      )
  )
)

const choosing = ofProblems(
  fc
    .tuple(broadcastablePairs(small), fc.boolean())
    .map(([pair, which]) =>
      problem(
        ([a, b]: readonly [Tensor, Tensor]) => pipe(curved(a), where(pipe(a, gt(which ? 0.005 : -0.005)), square(b))),
        pair
      )
    )
)

const key = random.key(7)

export const operationProperties: Record<
  (Op | Marker)['_tag'],
  ReadonlyArray<GradientProperty> | 'each function has its own row'
> = {
  constant: [unary((x) => pipe(x, square, mul(3), add(0.5)), {})],
  iota: [ofArguments((x) => pipe(iota(x.shape, 0, 'f32'), mul(square(x))), tensors({ ...small, minRank: 1 }))],
  unary: 'each function has its own row',
  binary: 'each function has its own row',
  compare: [unary((x) => pipe(x, gt(0.005), cast('f32'), mul(square(x))), {})],
  select: [choosing],
  cast: [
    unary((x) => pipe(castNode('f32', x), square), {}),
    unary((x) => pipe(x, cast('i32'), cast('f32'), mul(square(x))), { except: [-4, -3, -2, -1, 1, 2, 3, 4] })
  ],
  reduce: [reduction(sum), reduction(max), reduction(min)],
  reshape: [reshaping],
  permute: [permutation],
  broadcast: [broadcasting],
  slice: [slicing],
  pad: [padding],
  concat: [joining],
  dot: [contraction],
  gather: [gathering],
  scatterAdd: [scattering],
  randomBits: [unary((x) => pipe(random.uniform(x.shape)(key), mul(square(x))), {})],
  barrier: [ofArguments(([a, b]) => pipe(barrierNode(square(a), b), mul(b)), broadcastablePairs(small))],
  input: [unary((x) => x, {})],
  literal: [unary((x) => pipe(x, square, mul(tensor(1.5))), {})],
  identity: [unary((x) => pipe(identityNode(x), mul(x)), {})],
  // sign is flat, so stopping at it changes nothing that a finite difference could see.
  stopGradient: [unary((x) => pipe(x, square, mul(stopGradient(sign(x)))), { except: [0] })],
  custom: [
    ofArguments(
      customVjp(
        (x: Tensor) => exp(x),
        (ct, y) => [pipe(ct, mul(y))]
      ),
      tensors({ ...small, max: 2 })
    )
  ]
}
