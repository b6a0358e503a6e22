import * as either from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import * as t from '../../src/tensor/index.js'

describe('the public face of the tensor library', () => {
  it('has everything that a first computation needs', () => {
    const x = t.tensor([
      [1, 2],
      [3, 4]
    ])
    const y = pipe(x, t.matmul(t.eye(2)), t.sub(t.mean()(x)), t.mul(2))
    expect(pipe(y, t.evaluate(t.reference({ floats: 'float32' })), either.map(t.toNested))).toEqual(
      either.right([
        [-3, -1],
        [1, 3]
      ])
    )
  })

  it('returns a mistake in an expression as a Left that reads well', () => {
    const mistaken = t.trace((a: t.Tensor, b: t.Tensor) => t.matmul(b)(a))(t.spec([8, 128]), t.spec([256, 4]))
    expect(pipe(mistaken, either.mapLeft(t.showTensorError))).toEqual(
      either.left('matmul: shapes do not match: [8, 128] and [256, 4]')
    )
  })

  it('keeps to itself what would let a tensor be changed or made without its checks', () => {
    const names = [...Object.keys(t), ...Object.keys(t.random), ...Object.keys(t.tree), ...Object.keys(t.safetensors)]
    expect(names.filter((name) => /^(peek|adopt|literal|literalNode|threefry2x32)$|Node$/.test(name))).toEqual([])
  })
})
