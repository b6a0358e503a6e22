/**
 * Programs of products and of maps over them, exact in f32: every value is an integer of size 3 at most.
 */

import fc from 'fast-check'
import { pipe } from 'fp-ts/lib/function.js'
import { add, maximum, minimum, mul, sub } from '../../../../src/tensor/ops/arithmetic.js'
import { matmul } from '../../../../src/tensor/ops/contract.js'
import { concat, slice, transpose } from '../../../../src/tensor/ops/movement.js'
import { lower } from '../../../../src/tensor/program/lower.js'
import type { Program } from '../../../../src/tensor/program/program.js'
import { inputNode, type Tensor } from '../../../../src/tensor/tensor.js'

const n = 4

const inputs = [...['a', 'b', 'c'].map((name) => inputNode(name, [n, n], 'f32')), inputNode('bias', [n], 'f32')]

const bounded = (x: Tensor): Tensor => pipe(x, minimum(3), maximum(-3))

/** Its lower half above its upper half. */
const rolled = (x: Tensor): Tensor => concat(0)([slice([[2, 4]])(x), slice([[0, 2]])(x)])

type Make = (x: Tensor, y: Tensor) => Tensor

const makes: ReadonlyArray<Make> = [
  (x, y) => bounded(pipe(x, matmul(y))),
  (x, y) => bounded(pipe(x, matmul(transpose(y)))),
  (x, y) => bounded(pipe(x, matmul(y), add(inputs[3]))),
  (x, y) => bounded(pipe(x, add(y))),
  (x, y) => bounded(pipe(x, mul(y))),
  (x) => transpose(x),
  (x, y) => bounded(pipe(x, matmul(y), transpose, sub(x))),
  (x, y) => bounded(pipe(rolled(pipe(x, matmul(y))), add(y))),
  (x, y) => bounded(pipe(x, matmul(y), add(pipe(y, matmul(x))))),
  (x, y) => concat(0)([bounded(slice([[0, 2]])(pipe(x, matmul(y)))), slice([[2, 4]])(x)])
]

export type ProductGraph = {
  readonly program: Program
  readonly inputs: ReadonlyArray<Tensor>
  readonly data: ReadonlyArray<Float32Array>
  readonly outputs: ReadonlyArray<Tensor>
}

export const productGraphs: fc.Arbitrary<ProductGraph> = fc
  .record({
    steps: fc.array(fc.tuple(fc.nat(makes.length - 1), fc.nat(99), fc.nat(99)), { minLength: 1, maxLength: 12 }),
    kept: fc.array(fc.nat(99), { minLength: 1, maxLength: 4 }),
    seed: fc.nat(99)
  })
  .map(({ steps, kept, seed }) => {
    const values: Array<Tensor> = inputs.slice(0, 3)
    for (const [make, x, y] of steps) values.push(makes[make](values[x % values.length], values[y % values.length]))
    const outputs = [...new Set(kept.map((k) => values[3 + (k % steps.length)]))]
    return {
      program: lower(
        outputs.map((tensor, i) => ({ name: String(i), tensor })),
        inputs
      ).program,
      inputs,
      data: inputs.map(({ shape }, i) =>
        Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, j) => ((7 * j + 3 * i + seed) % 5) - 2)
      ),
      outputs
    }
  })
