import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tensor } from '../../src/tensor/ops/create.js'
import { toNested, toScalar, toTypedArray } from '../../src/tensor/values.js'
import { anyTensor } from '../arbitraries.js'
import { faultOf, indicesOf, literalOf, plainOf, at } from '../plain.js'

/** What stands at an index of nested arrays. */
const dig = (nested: unknown, index: ReadonlyArray<number>): unknown =>
  index.reduce<unknown>((inner, i) => (Array.isArray(inner) ? inner[i] : undefined), nested)

describe('toNested', () => {
  it('has at each index the element of that index, booleans for bool', () => {
    fc.assert(
      fc.property(anyTensor(), (x) => {
        const nested = toNested(literalOf(x))
        indicesOf(x.shape).forEach((index) => {
          const element = at(x, index)
          expect(dig(nested, index)).toBe(x.dtype === 'bool' ? element === 1 : element)
        })
      })
    )
  })

  it('has an array for each axis, empty ones too', () => {
    expect(toNested(tensor([], { shape: [2, 0] }))).toEqual([[], []])
    expect(toNested(tensor([], { shape: [0, 2] }))).toEqual([])
  })

  it('is frozen all the way down', () => {
    const nested = toNested(tensor([[1, 2]]))
    expect(Object.isFrozen(nested)).toBe(true)
    expect(Object.isFrozen(dig(nested, [0]))).toBe(true)
  })
})

describe('toTypedArray', () => {
  it('is a copy: writing to it changes nothing', () => {
    const x = tensor([1, 2])
    toTypedArray(x)[0] = 9
    expect(plainOf(x).values).toEqual([1, 2])
  })

  it('is of the dtype', () => {
    expect(toTypedArray(tensor([1]))).toBeInstanceOf(Float32Array)
    expect(toTypedArray(tensor([1], { dtype: 'i32' }))).toBeInstanceOf(Int32Array)
    expect(toTypedArray(tensor([1], { dtype: 'u32' }))).toBeInstanceOf(Uint32Array)
    expect(toTypedArray(tensor([true]))).toBeInstanceOf(Uint8Array)
  })
})

describe('toScalar', () => {
  it('is the only element, whatever the rank', () => {
    expect(toScalar(tensor(2.5))).toBe(2.5)
    expect(toScalar(tensor([[7]]))).toBe(7)
  })

  it('of several elements or none is a fault that names the shape', () => {
    expect(faultOf(() => toScalar(tensor([1, 2])))).toMatchObject({ op: 'toScalar', found: 'shape [2]' })
    expect(faultOf(() => toScalar(tensor([])))).toMatchObject({ op: 'toScalar', found: 'shape [0]' })
  })
})
