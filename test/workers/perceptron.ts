/**
 * A small training step for the tests of this folder: a perceptron with one hidden layer and dropout, fitted by least
 * squares with momentum. Its gradient is written out by hand, so that nothing but `src/tensor` is needed.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { add, cast, gt, lt, mul, relu, square, sub } from '../../src/tensor/ops/arithmetic.js'
import { matmul } from '../../src/tensor/ops/contract.js'
import { scalar, tensor } from '../../src/tensor/ops/create.js'
import { transpose } from '../../src/tensor/ops/movement.js'
import { sum } from '../../src/tensor/ops/reduce.js'
import { lower, type Lowered } from '../../src/tensor/program/lower.js'
import { inputNode, randomBitsNode, type Tensor } from '../../src/tensor/tensor.js'
import { threefry2x32 } from '../../src/tensor/threefry.js'
import type { Arrays, Step } from '../../src/workers/fold/fold.js'

const [features, hidden, rows] = [6, 5, 7]

const named = (tensors: ReadonlyArray<Tensor>): ReadonlyArray<{ readonly name: string; readonly tensor: Tensor }> =>
  tensors.map((x, i) => ({ name: String(i), tensor: x }))

const w1 = inputNode('w1', [features, hidden], 'f32')
const w2 = inputNode('w2', [hidden, 1], 'f32')

const residuals = (keep: Tensor, x: Tensor, y: Tensor) => {
  const h = pipe(x, matmul(w1))
  const a = pipe(h, relu, mul(keep))
  // A literal, so that the step has something captured.
  return { h, a, r: pipe(a, matmul(w2), add(tensor([[0.125]])), sub(y)) }
}

const shardInputs = (): ReadonlyArray<Tensor> => [
  inputNode('x', [rows, features], 'f32'),
  inputNode('y', [rows, 1], 'f32'),
  inputNode('key', [2], 'u32')
]

/** (w1, w2, x, y, key) -> (d loss / d w1, d loss / d w2, loss, number of kept units). */
const shardGrad = (): Lowered => {
  const [x, y, key] = shardInputs()
  const bits = randomBitsNode([rows, hidden], key, tensor([0, 0], { dtype: 'u32' }))
  const kept = pipe(bits, lt(0xc0000000))
  const keep = pipe(kept, cast('f32'))
  const { h, a, r } = residuals(keep, x, y)
  const dp = pipe(r, mul(2))
  const dw2 = pipe(a, transpose, matmul(dp))
  const dh = pipe(dp, matmul(transpose(w2)), mul(keep), mul(pipe(h, gt(0), cast('f32'))))
  const dw1 = pipe(x, transpose, matmul(dh))
  return lower(named([dw1, dw2, pipe(r, square, sum()), pipe(kept, cast('i32'), sum())]), [w1, w2, x, y, key])
}

/** (w1, w2, x, y, key) -> (loss without dropout). */
export const heldOut = (): Lowered => {
  const inputs = shardInputs()
  const { r } = residuals(scalar(1), inputs[0], inputs[1])
  return lower(named([pipe(r, square, sum())]), [w1, w2, ...inputs])
}

/** (m1, m2, steps, w1, w2, g1, g2, rate) -> (the state after one step with momentum 0.9, squared norm of the gradient). */
const update = (): Lowered => {
  const m1 = inputNode('m1', w1.shape, 'f32')
  const m2 = inputNode('m2', w2.shape, 'f32')
  const steps = inputNode('steps', [], 'i32')
  const g1 = inputNode('g1', w1.shape, 'f32')
  const g2 = inputNode('g2', w2.shape, 'f32')
  const rate = inputNode('rate', [], 'f32')
  const next1 = pipe(m1, mul(tensor(0.9)), add(g1))
  const next2 = pipe(m2, mul(tensor(0.9)), add(g2))
  return lower(
    named([
      next1,
      next2,
      pipe(steps, add(1)),
      pipe(w1, sub(pipe(next1, mul(rate)))),
      pipe(w2, sub(pipe(next2, mul(rate)))),
      pipe(g1, square, sum(), add(pipe(g2, square, sum())))
    ]),
    [m1, m2, steps, w1, w2, g1, g2, rate]
  )
}

export const perceptron = (shards: number): Step => ({
  shards,
  state: 5,
  reads: [3, 4],
  gradients: 2,
  shardGrad: shardGrad(),
  update: update()
})

/** `n` numbers in [-1, 1), the same for the same words. */
const reals = (stream: number, n: number): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => threefry2x32([stream, 7], [i, 0])[0] / 2 ** 31 - 1)

export const initialState = (): Arrays => [
  new Float32Array(features * hidden),
  new Float32Array(hidden),
  new Int32Array(1),
  reals(1, features * hidden),
  reals(2, hidden)
]

/** The target is the sum of the features, which the perceptron can learn. */
export const shard = (step: number, index: number): Arrays => {
  const x = reals(1000 + 100 * step + index, rows * features)
  const y = Float32Array.from({ length: rows }, (_, row) =>
    x.subarray(row * features, (row + 1) * features).reduce((a, b) => a + b, 0)
  )
  return [x, y, Uint32Array.of(step, index)]
}

export const batch = (step: number, shards: number): ReadonlyArray<Arrays> =>
  Array.from({ length: shards }, (_, index) => shard(step, index))

/** The bits of arrays, so that NaN equals itself and 0 does not equal -0. */
export const bitsOf = (arrays: Arrays): ReadonlyArray<string> =>
  arrays.map(({ buffer, byteOffset, byteLength }) =>
    [...new Uint8Array(buffer, byteOffset, byteLength)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  )
