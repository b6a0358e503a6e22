import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import { grad } from '../../src/autodiff/grad.js'
import { gelu, silu } from '../../src/nn/activation.js'
import {
  abs,
  clip,
  floor,
  log,
  log1p,
  maximum,
  minimum,
  pow,
  relu,
  sigmoid,
  sign,
  softplus,
  sqrt,
  tanh
} from '../../src/tensor/ops/arithmetic.js'
import { tensor } from '../../src/tensor/ops/create.js'
import { slice } from '../../src/tensor/ops/movement.js'
import { logSoftmax, logSumExp, max, min, softmax, sum } from '../../src/tensor/ops/reduce.js'
import { evaluateAll } from '../../src/tensor/run/evaluate.js'
import { reference } from '../../src/tensor/run/reference/reference.js'
import { wasm } from '../../src/tensor/run/wasm/wasm.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { toTypedArray } from '../../src/tensor/values.js'
import { golden } from '../fixtures/special-values.js'
import { isRight } from '../tensor/special-values.js'

type OfTensors = (...xs: ReadonlyArray<Tensor>) => Tensor

/** Under the names that the golden numbers have. */
const functions: Readonly<Record<string, OfTensors>> = {
  relu,
  clip: clip(-1, 2),
  'clip of tensors': (x, lo, hi) => clip(lo, hi)(x),
  'clip crossed': clip(2, -1),
  abs,
  sign,
  floor,
  maximum: (a, b) => maximum(b)(a),
  minimum: (a, b) => minimum(b)(a),
  max: max(),
  'max of equals': max(),
  min: min(),
  'min of equals': min(),
  sqrt,
  log,
  log1p,
  pow: (a, b) => pow(b)(a),
  gelu,
  silu,
  sigmoid,
  tanh,
  softplus,
  logSumExp: logSumExp(),
  'logSumExp of Infinity': logSumExp(),
  'logSumExp of a NaN': logSumExp(),
  softmax: (x) => pipe(x, softmax(0), slice([[0, 1]])),
  logSoftmax: (x) => pipe(x, logSoftmax(0), slice([[0, 1]]))
}

/** Formulas of a few functions, each good to a few units. */
const ulps = 16

/** Which zero a derivative is says nothing. */
const plain = (x: number): number => x + 0

describe.each([reference({ floats: 'float32' }), wasm()])('on $name', (device) => {
  const valuesOf = (xs: ReadonlyArray<Tensor>): ReadonlyArray<ReadonlyArray<number>> => {
    const found = evaluateAll(device)(xs)
    if (E.isLeft(found)) throw new Error(JSON.stringify(found.left))
    return found.right.map((x) => [...toTypedArray(x)].map(plain))
  }

  it.each(Object.entries(golden.kinks))("the derivative of %s is PyTorch's", (name, { inputs, value, gradients }) => {
    const f = functions[name]
    const leaves = inputs.map((x) => tensor(x))
    const grads = grad((xs: ReadonlyArray<Tensor>) => sum()(f(...xs)))(leaves)
    const found = valuesOf([f(...leaves), ...grads])
    found.forEach((list, i) => {
      const expected = [value, ...gradients][i].map(plain)
      const isAllRight = list.length === expected.length && list.every((x, j) => isRight(x, expected[j], ulps))
      if (!isAllRight) expect(list).toEqual(expected)
    })
  })

  it('the derivative of a power is of its limits where the base is 0 or NaN', () => {
    // PyTorch 2.13's.
    const [a, b] = [tensor([0, 0, -0, 0, NaN, NaN]), tensor([-1, 2, -2, 0, 0, 1])]
    expect(valuesOf(grad(([x, y]: ReadonlyArray<Tensor>) => sum()(pow(y)(x)))([a, b]))).toEqual([
      [-Infinity, 0, Infinity, 0, 0, 1],
      [-Infinity, 0, -Infinity, 0, NaN, NaN]
    ])
  })

  it('the derivative of logSumExp is 0 where all elements are -Infinity', () => {
    const x = tensor([
      [-Infinity, -Infinity],
      [0, -Infinity]
    ])
    const f = logSumExp({ axes: 1 })
    expect(valuesOf([f(x), grad((at: Tensor) => sum()(f(at)))(x)])).toEqual([
      [-Infinity, 0],
      [0, 0, 1, 0]
    ])
  })
})
