/** A whole program on the wasm device with gpu.js multiplying: attention and its gradients, against the reference device. */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import { valueAndGrad } from '../../../../src/autodiff/index.js'
import {
  add,
  evaluateAll,
  isLiteral,
  matmul,
  mul,
  permute,
  reference,
  reshape,
  softmax,
  square,
  sum,
  tensor,
  toTypedArray,
  transpose,
  tree,
  type Tensor
} from '../../../../src/tensor/index.js'
import { acquireHost } from '../../../../src/tensor/run/choose.js'
import { itOnWebGpu } from './webgpu.js'

const [batch, positions, heads, width] = [2, 7, 3, 4]
const hidden = heads * width

/** Deterministic numbers in (-1, 1) without a pattern that a wrong stride could reproduce. */
const numbers = (seed: number, ...shape: ReadonlyArray<number>): Tensor =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(seed + 12.9898 * i * (i + 1))),
    { shape }
  )

type Params = {
  readonly query: Tensor
  readonly key: Tensor
  readonly value: Tensor
  readonly output: Tensor
  readonly bias: Tensor
}

const params: Params = {
  query: numbers(1, hidden, hidden),
  key: numbers(2, hidden, hidden),
  value: numbers(3, hidden, hidden),
  output: numbers(4, hidden, hidden),
  bias: numbers(5, hidden)
}

const apart = (x: Tensor): Tensor => pipe(x, reshape([batch, positions, heads, width]), permute([0, 2, 1, 3]))

const together = (x: Tensor): Tensor => pipe(x, permute([0, 2, 1, 3]), reshape([batch, positions, hidden]))

/** Sum of squares of multi-head self-attention: batched products of views that no copy has made contiguous. */
const loss = (p: Params, x: Tensor): Tensor => {
  const [q, k, v] = [p.query, p.key, p.value].map((weights) => apart(pipe(x, matmul(weights))))
  const weights = pipe(q, matmul(transpose(k)), mul(1 / Math.sqrt(width)), softmax(-1))
  return pipe(weights, matmul(v), together, matmul(p.output), add(p.bias), square, sum())
}

const wanted = valueAndGrad((p: Params) => loss(p, numbers(6, batch, positions, hidden)))(params)

/** Name and values of every tensor in a tree. */
const plain = (results: unknown): ReadonlyArray<readonly [string, ReadonlyArray<number>]> =>
  tree.tensorEntries(results).map(([path, x]) => {
    if (!isLiteral(x)) throw new Error(`${path} has no value`)
    return [path, [...toTypedArray(x)]]
  })

const norm = (values: ReadonlyArray<number>): number => Math.sqrt(values.reduce((total, v) => total + v * v, 0))

describe.each([
  { mode: 'webgpu', test: itOnWebGpu },
  { mode: 'webasm', test: it },
  { mode: 'cpu', test: it }
] as const)('attention and its gradients by gpu.js:$mode', ({ mode, test }) => {
  test('agree with the reference device', async () => {
    const acquired = await acquireHost({ device: 'wasm', matmul: `gpu.js:${mode}`, floats: 'float32' })()
    if (E.isLeft(acquired) || acquired.right.timing !== 'async') throw new Error(JSON.stringify(acquired))
    const found = await evaluateAll(acquired.right)(wanted)()
    await acquired.right.release()
    if (E.isLeft(found)) throw new Error(JSON.stringify(found.left))
    const exact = evaluateAll(reference({ floats: 'float64' }))(wanted)
    if (E.isLeft(exact)) throw new Error(JSON.stringify(exact.left))
    const want = new Map(plain(exact.right))
    for (const [path, got] of plain(found.right)) {
      const known = want.get(path) ?? []
      // A dozen sums one after another, of at most 14 * 12 terms that round by 2^-24 each: 12 * 168 * 2^-24 = 1.2e-4.
      expect(norm(got.map((v, i) => v - known[i])), path).toBeLessThanOrEqual(1.2e-4 * norm(known))
    }
    expect(want.size).toBe(6)
  })
})
