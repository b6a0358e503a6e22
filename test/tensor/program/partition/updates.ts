/**
 * Random updates: programs whose first outputs take the places of their first inputs, as an optimiser's do. States are swapped,
 * kept, delayed, made from one another, from single numbers of the state and from sums over others.
 */

import fc from 'fast-check'
import type { Data } from '../../../../src/tensor/dtype.js'
import { lower } from '../../../../src/tensor/program/lower.js'
import type { Program } from '../../../../src/tensor/program/program.js'
import { equalShapes, sizeOf, type Shape } from '../../../../src/tensor/shape.js'
import {
  binaryNode,
  broadcastNode,
  inputNode,
  permuteNode,
  reduceNode,
  reshapeNode,
  type Tensor
} from '../../../../src/tensor/tensor.js'

export type Update = {
  readonly program: Program
  readonly inputs: ReadonlyArray<Data>
  /** How many outputs take the places of inputs. */
  readonly inPlace: number
}

const shapes: ReadonlyArray<Shape> = [[], [1], [1, 1], [5], [6], [2, 3], [3, 2], [12]]

/** A value made of two of the values there are, as numbers say. */
const made = (pool: ReadonlyArray<Tensor>, [how, left, right]: ReadonlyArray<number>): Tensor => {
  const [a, b] = [pool[left % pool.length], pool[right % pool.length]]
  const size = sizeOf(a.shape)
  if (how % 6 === 0) return reduceNode('sum', [...a.shape.keys()], a)
  if (how % 6 === 1)
    return reshapeNode(new Array<number>(a.shape.length).fill(1), reduceNode('sum', [...a.shape.keys()], a))
  if (how % 6 === 2 && a.shape.length === 2) return permuteNode([1, 0], a)
  if (how % 6 === 3 && size > 1) return reshapeNode([size], a)
  const fn = how % 2 === 0 ? 'add' : 'mul'
  if (equalShapes(a.shape, b.shape)) return binaryNode(fn, a, b)
  const [small, large] = size === 1 ? [a, b] : [b, a]
  const fits = sizeOf(small.shape) === 1 && small.shape.length <= large.shape.length
  return fits ? binaryNode(fn, large, broadcastNode(large.shape, small)) : binaryNode(fn, a, a)
}

const number = fc.nat({ max: 65535 })

/** Updates of up to six arrays. */
export const updates = (steps = 12): fc.Arbitrary<Update> =>
  fc
    .record({
      state: fc.array(fc.constantFrom(...shapes), { minLength: 1, maxLength: 6 }),
      others: fc.array(fc.constantFrom(...shapes), { maxLength: 3 }),
      recipes: fc.array(fc.array(number, { minLength: 3, maxLength: 3 }), { maxLength: steps, size: 'max' }),
      next: fc.array(number, { minLength: 6, maxLength: 6 }),
      reports: fc.array(number, { maxLength: 3 })
    })
    .map(({ state, others, recipes, next, reports }) => {
      const inputs = [...state, ...others].map((shape, i) => inputNode(`x${i}`, shape, 'f32'))
      const pool = recipes.reduce<ReadonlyArray<Tensor>>((known, recipe) => [...known, made(known, recipe)], inputs)
      const outputs = [
        ...state.map((shape, i) => {
          const fitting = pool.filter((x) => equalShapes(x.shape, shape))
          return fitting[next[i] % fitting.length]
        }),
        ...reports.map((n) => pool[n % pool.length])
      ]
      return {
        program: lower(
          outputs.map((tensor, i) => ({ name: String(i), tensor })),
          inputs
        ).program,
        inputs: inputs.map(({ shape }, k) => Float32Array.from({ length: sizeOf(shape) }, (_, i) => k + 1 + i / 8)),
        inPlace: state.length
      }
    })
