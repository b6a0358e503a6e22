/**
 * Programs of products and of maps over them, exact in f32.
 */

import fc from 'fast-check'
import { pipe } from 'fp-ts/lib/function.js'
import { add, floor, maximum, minimum, mul, sub } from '../../../../src/tensor/ops/arithmetic.js'
import { matmul } from '../../../../src/tensor/ops/contract.js'
import { concat, slice, transpose } from '../../../../src/tensor/ops/movement.js'
import { lower } from '../../../../src/tensor/program/lower.js'
import type { Program } from '../../../../src/tensor/program/program.js'
import { inputNode, type Tensor } from '../../../../src/tensor/tensor.js'

type Make = (x: Tensor, y: Tensor) => Tensor

const inputsOf = (n: number): ReadonlyArray<Tensor> => [
  ...['a', 'b', 'c'].map((name) => inputNode(name, [n, n], 'f32')),
  inputNode('bias', [n], 'f32')
]

/** Its lower half above its upper half. */
const rolled = (x: Tensor): Tensor => concat(0)([slice([[2, x.shape[0]]])(x), slice([[0, 2]])(x)])

/** What is computed goes through `bounded`. */
const makesOf = (bias: Tensor, bounded: (x: Tensor) => Tensor): ReadonlyArray<Make> => [
  (x, y) => bounded(pipe(x, matmul(y))),
  (x, y) => bounded(pipe(x, matmul(transpose(y)))),
  (x, y) => bounded(pipe(x, matmul(y), add(bias))),
  (x, y) => bounded(pipe(x, add(y))),
  (x, y) => bounded(pipe(x, mul(y))),
  (x) => transpose(x),
  (x, y) => bounded(pipe(x, matmul(y), transpose, sub(x))),
  (x, y) => bounded(pipe(rolled(pipe(x, matmul(y))), add(y))),
  (x, y) => bounded(pipe(x, matmul(y), add(pipe(y, matmul(x))))),
  (x, y) => concat(0)([bounded(slice([[0, 2]])(pipe(x, matmul(y)))), slice([[2, x.shape[0]]])(x)])
]

export type ProductGraph = {
  readonly program: Program
  readonly inputs: ReadonlyArray<Tensor>
  readonly data: ReadonlyArray<Float32Array>
  readonly outputs: ReadonlyArray<Tensor>
}

/** `element(j, i, seed)` is what input `i` has at `j`. */
const graphsOf = (
  extents: ReadonlyArray<number>,
  bounded: (x: Tensor) => Tensor,
  element: (j: number, i: number, seed: number) => number,
  more: ReadonlyArray<Make> = []
): fc.Arbitrary<ProductGraph> =>
  fc
    .record({
      n: fc.constantFrom(...extents),
      steps: fc.array(fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99)), { minLength: 1, maxLength: 12 }),
      kept: fc.array(fc.nat(99), { minLength: 1, maxLength: 4 }),
      seed: fc.nat(99)
    })
    .map(({ n, steps, kept, seed }) => {
      const inputs = inputsOf(n)
      const makes = [...makesOf(inputs[3], bounded), ...more]
      const values: Array<Tensor> = inputs.slice(0, 3)
      for (const [make, x, y] of steps)
        values.push(makes[make % makes.length](values[x % values.length], values[y % values.length]))
      const outputs = [...new Set(kept.map((k) => values[3 + (k % steps.length)]))]
      return {
        program: lower(
          outputs.map((tensor, i) => ({ name: String(i), tensor })),
          inputs
        ).program,
        inputs,
        data: inputs.map(({ shape }, i) =>
          Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, j) => element(j, i, seed))
        ),
        outputs
      }
    })

/** Every value is an integer of size 3 at most. */
export const productGraphs: fc.Arbitrary<ProductGraph> = graphsOf(
  [4],
  (x) => pipe(x, minimum(3), maximum(-3)),
  (j, i, seed) => ((7 * j + 3 * i + seed) % 5) - 2
)

/** Whole, in [-128, 128), and different for numbers that differ little. */
const wrapped = (x: Tensor): Tensor => {
  const whole = floor(x)
  return pipe(whole, sub(pipe(whole, mul(1 / 256), floor, mul(256))), sub(128))
}

/** What a map computes, multiplied and used as it is: too many bits for f16. */
const shared: Make = (x, y) => {
  const scaled = pipe(x, mul(y), mul(1 / 256))
  return wrapped(pipe(scaled, matmul(y), add(pipe(transpose(scaled), mul(256)))))
}

/**
 * Programs that are exact in f32 too, if products take operands rounded to f16, but in which that rounding shows: products have more
 * bits than it leaves, and so has the third input, of 12.
 */
export const roundedGraphs: fc.Arbitrary<ProductGraph> = graphsOf(
  [3, 4],
  wrapped,
  (j, i, seed) =>
    i === 2
      ? (j % 2 === 0 ? 1 : -1) * (4 + ((14 * j + 2 * seed + 1) % 512) / 512)
      : ((37 * j + 11 * i + seed) % 256) - 128,
  [shared]
)
