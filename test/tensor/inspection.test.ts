/** What `console.log` prints of tensors: Node's `inspect` is asked, as it asks for its own objects. */

import { inspect } from 'node:util'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import { evaluate, full, matmul, reference, run, show, tensor, toScalar, type Literal } from '../../src/tensor/index.js'

const device = reference({ floats: 'float32' })

describe('a tensor on the console', () => {
  it('shows its values, also within what holds it', () => {
    const x = tensor([
      [1, 2],
      [3, 4.5]
    ])
    expect(inspect(x)).toBe(show(x))
    expect(inspect({ x: tensor([1]) })).toBe('{ x: tensor([1], shape [1], f32) }')
    expect(inspect(evaluate(device)(full([2], 3)))).toContain('tensor([3, 3], shape [2], f32)')
  })

  it('is a line where it has no values, however large its graph', () => {
    const x = tensor([[1, 2]])
    const deep = Array.from({ length: 50 }).reduce<typeof x>((y) => pipe(y, matmul(full([2, 2], 1))) as Literal, x)
    expect(inspect(deep)).toBe('tensor(unevaluated dot, shape [1, 2], f32)')
  })

  it('is the same value as one that nobody prints', () => {
    expect(Object.keys(tensor([1]))).toEqual(['op', 'inputs', 'shape', 'dtype'])
    expect(Object.isFrozen(tensor([1]))).toBe(true)
  })
})

describe('asking for values where there are none', () => {
  it.each([
    [full([], 1), /found an unevaluated broadcast of shape \[\], expected .*evaluate it first/],
    [evaluate(device)(full([], 1)), /found what `evaluate` returned, an Either, whose `right` is the tensor/],
    ['text', /found "text", expected a tensor/]
  ])('says what to do: %#', (x, sentence) => {
    expect(() => toScalar(x as Literal)).toThrow(sentence)
  })
})

describe('run', () => {
  it('gives the value', () => {
    expect(show(run(device)(full([2], 3)))).toBe('tensor([3, 3], shape [2], f32)')
    expect(toScalar(run(device)({ loss: full([], 2) }).loss)).toBe(2)
  })

  it('throws what evaluate returns as a Left', () => {
    const missing = {
      ...device,
      load: () => E.left({ _tag: 'Unsupported', device: 'test', found: 'it', expected: 'that' } as const)
    }
    expect(() => run(missing)(full([2], 3))).toThrow(/test/)
  })
})
