/**
 * Random programs that are smooth in their inputs, and calm: values of magnitude around 1, and derivatives too. For gradients, which
 * have no bound by induction as `graphs.ts` has of values, and none at all where something jumps.
 */

import fc from 'fast-check'
import { matmul, softmax } from '../../../src/tensor/index.js'
import { equalShapes, sizeOf, type Shape } from '../../../src/tensor/shape.js'
import * as T from '../../../src/tensor/tensor.js'
import type { Tensor } from '../../../src/tensor/tensor.js'

export type SmoothGraph = {
  readonly inputs: ReadonlyArray<Tensor>
  readonly data: ReadonlyArray<Float32Array>
  /** Of the inputs, or what stands for them. */
  readonly output: (inputs: ReadonlyArray<Tensor>) => Tensor
}

type Recipe = (numbers: ReadonlyArray<number>, pool: ReadonlyArray<Tensor>) => Tensor

const of = <A>(list: ReadonlyArray<A>, n: number): A => list[n % list.length]

/** Mostly one of the newest: chains. */
const some = (pool: ReadonlyArray<Tensor>, n: number): Tensor => of(pool.slice(n % 3 === 0 ? 0 : -3), n >> 2)

/** Another of the same shape: itself where there is none. */
const like = (x: Tensor, pool: ReadonlyArray<Tensor>, n: number): Tensor =>
  of([x, ...pool.filter(({ shape }) => equalShapes(shape, x.shape))], n)

const filled = (value: number, shape: Shape): Tensor => T.broadcastNode(shape, T.constantNode(value, 'f32'))

const scaled = (factor: number, x: Tensor): Tensor => T.binaryNode('mul', x, filled(factor, x.shape))

const bounded = (x: Tensor): Tensor => T.unaryNode('tanh', x)

/** 0 to 4 and on from 0: repeated, and out of range of fewer rows. */
const indices = T.binaryNode('rem', T.iotaNode([7], 0, 'i32'), T.broadcastNode([7], T.constantNode(5, 'i32')))

const recipes: ReadonlyArray<Recipe> = [
  ([a, fn], pool) =>
    T.unaryNode(of(['exp', 'tanh', 'sin', 'cos', 'sigmoid', 'softplus', 'erf'], fn), bounded(some(pool, a))),
  ([a, b], pool) => T.binaryNode('add', some(pool, a), like(some(pool, a), pool, b)),
  ([a, b], pool) => T.binaryNode('sub', some(pool, a), like(some(pool, a), pool, b)),
  ([a, b], pool) => T.binaryNode('mul', bounded(some(pool, a)), like(some(pool, a), pool, b)),
  // By 1 + y^2.
  ([a, b], pool) => {
    const [x, y] = [some(pool, a), bounded(like(some(pool, a), pool, b))]
    return T.binaryNode('div', x, T.binaryNode('add', T.binaryNode('mul', y, y), filled(1, y.shape)))
  },
  ([a], pool) => {
    const x = some(pool, a)
    return x.shape.length < 2 ? bounded(x) : softmax()(x)
  },
  // Means over one axis.
  ([a, axis], pool) => {
    const x = some(pool, a)
    if (x.shape.length === 0) return x
    const along = axis % x.shape.length
    return scaled(1 / x.shape[along], T.reduceNode('sum', [along], x))
  },
  ([a], pool) => {
    const x = some(pool, a)
    return T.permuteNode(x.shape.map((_, axis) => axis).reverse(), x)
  },
  ([a, b], pool) => {
    const [x, y] = [some(pool, a), some(pool, b)]
    const fits = x.shape.length === 2 && y.shape.length === 2 && x.shape[1] === y.shape[0]
    return fits ? scaled(1 / x.shape[1], matmul(y)(x)) : bounded(x)
  },
  // Rows that are looked up, some twice, one that is not there.
  ([a], pool) => {
    const x = some(pool, a)
    return x.shape.length === 0 || sizeOf(x.shape) > 100 ? bounded(x) : T.gatherNode(0, x, indices)
  },
  ([a], pool) => {
    const x = some(pool, a)
    return x.shape.length > 3 || sizeOf(x.shape) > 200 ? x : T.broadcastNode([3, ...x.shape], x)
  }
]

const grown = (inputs: ReadonlyArray<Tensor>, steps: ReadonlyArray<ReadonlyArray<number>>): Tensor => {
  const pool = [...inputs]
  for (const [recipe, ...numbers] of steps) pool.push(of(recipes, recipe)(numbers, pool))
  return pool[pool.length - 1]
}

export const smoothGraphs = (size = 12): fc.Arbitrary<SmoothGraph> =>
  fc
    .record({
      shapes: fc.array(fc.constantFrom<Shape>([], [4], [4, 3], [3, 4], [4, 4], [2, 4, 3]), {
        minLength: 1,
        maxLength: 3
      }),
      steps: fc.array(fc.array(fc.nat({ max: 65_535 }), { minLength: 3, maxLength: 3 }), {
        minLength: 2,
        maxLength: size,
        size: 'max'
      }),
      seed: fc.nat({ max: 1000 })
    })
    .map(({ shapes, steps, seed }) => ({
      inputs: shapes.map((shape, i) => T.inputNode(`x${i}`, shape, 'f32')),
      data: shapes.map((shape, i) =>
        Float32Array.from({ length: sizeOf(shape) }, (_, j) => (((j + i + seed) * 7919) % 41) / 20 - 1)
      ),
      output: (inputs) => grown(inputs, steps)
    }))
