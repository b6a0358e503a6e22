/**
 * What the arbitraries promise of what they make.
 */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLiteral, TensorFault, toTypedArray, tree, type Literal } from '../../src/tensor/index.js'
import { broadcastShapes } from '../../src/tensor/shape.js'
import {
  broadcastablePairs,
  broadcastableShapes,
  numbers,
  shapes,
  tensorOf,
  tensors,
  trees
} from '../../src/testing/index.js'

/** The smallest counterexample to "no value satisfies this". */
const simplest = <A>(of: fc.Arbitrary<A>, satisfies: (value: A) => boolean): A | undefined =>
  fc.check(
    fc.property(of, (value) => !satisfies(value)),
    { numRuns: 2000 }
  ).counterexample?.[0]

describe('shapes', () => {
  it('keep to their bounds', () => {
    fc.assert(
      fc.property(shapes({ minRank: 1, maxRank: 2, minExtent: 2, maxExtent: 3 }), (shape) => {
        expect([1, 2]).toContain(shape.length)
        shape.forEach((d) => expect([2, 3]).toContain(d))
      })
    )
  })

  it('are empty only where that is asked for', () => {
    fc.assert(fc.property(shapes(), (shape) => !shape.includes(0)))
    expect(simplest(shapes({ minExtent: 0 }), (shape) => shape.includes(0))).toEqual([0])
  })
})

describe('numbers', () => {
  it('are hundredths within their bounds, both bounds included', () => {
    const of = numbers({ min: -0.29, max: 0.57 })
    fc.assert(
      fc.property(of, (v) => v >= -0.29 && v <= 0.57 && v === Math.round(v * 100) / 100),
      { numRuns: 500 }
    )
    expect(simplest(of, (v) => v === -0.29)).toBe(-0.29)
    expect(simplest(of, (v) => v === 0.57)).toBe(0.57)
  })

  it('shrink to the simplest: 0, a whole number, a half', () => {
    expect(simplest(numbers(), () => true)).toBe(0)
    expect(simplest(numbers(), (v) => v !== 0)).toBe(1)
    expect(simplest(numbers({ min: 0.2, max: 0.9 }), () => true)).toBe(0.5)
  })

  it('leave out what they are told to', () => {
    fc.assert(fc.property(numbers({ min: -1, max: 1, except: [0, 0.5] }), (v) => v !== 0 && v !== 0.5))
    expect(() => numbers({ min: 1, max: 1, except: [1] })).toThrow(TensorFault)
  })
})

describe('tensors', () => {
  it('hold values of their dtype', () => {
    fc.assert(
      fc.property(tensors({ dtype: 'bool' }), (x) => Array.from(toTypedArray(x)).every((v) => v === 0 || v === 1))
    )
    fc.assert(fc.property(tensors({ dtype: 'u32' }), (x) => Array.from(toTypedArray(x)).every((v) => v >= 0 && v <= 4)))
    fc.assert(
      fc.property(
        tensors({ dtype: 'i32', min: -2, max: 7 }),
        (x) => x.dtype === 'i32' && Array.from(toTypedArray(x)).every((v) => Number.isInteger(v) && v >= -2 && v <= 7)
      )
    )
  })

  it('hold no value twice where they are to be distinct', () => {
    fc.assert(
      fc.property(tensors({ distinct: true }), (x) => {
        const values = Array.from(toTypedArray(x))
        return new Set(values).size === values.length
      })
    )
    expect(() => tensorOf([4], { min: 0, max: 0.02, distinct: true })).toThrow(TensorFault)
  })

  it('shrink to a scalar', () => {
    const x = simplest(tensors(), () => true)
    expect(x?.shape).toEqual([])
  })
})

describe('broadcastable pairs', () => {
  it('broadcast', () => {
    fc.assert(fc.property(broadcastableShapes({ minExtent: 0 }), ([a, b]) => broadcastShapes(a, b) !== undefined))
    fc.assert(fc.property(broadcastablePairs(), ([a, b]) => broadcastShapes(a.shape, b.shape) !== undefined))
  })

  it('stretch either side, and drop axes of either side', () => {
    const exists = (satisfies: (a: ReadonlyArray<number>, b: ReadonlyArray<number>) => boolean): void =>
      expect(simplest(broadcastableShapes(), ([a, b]) => satisfies(a, b))).toBeDefined()
    exists((a, b) => a.length < b.length)
    exists((a, b) => a.length > b.length)
    exists((a, b) => a.length === b.length && a.some((d, i) => d < b[i]) && a.some((d, i) => d > b[i]))
  })

  it('take values of its own for the right side', () => {
    fc.assert(
      fc.property(
        broadcastablePairs({ min: 1, max: 2 }, { min: -2, max: -1 }),
        ([a, b]) => [...toTypedArray(a)].every((v) => v > 0) && [...toTypedArray(b)].every((v) => v < 0)
      )
    )
  })
})

describe('trees', () => {
  it('are trees of tensors', () => {
    fc.assert(
      fc.property(trees(tensors()), (at) => tree.tensorsOf(at).length > 0 && tree.tensorsOf(at).every(isLiteral))
    )
  })

  it('nest, and shrink to a lone leaf', () => {
    const deep = simplest(trees<Literal>(tensors()), (at) =>
      tree.tensorEntries(at).some(([path]) => path.includes('.'))
    )
    expect(deep).toBeDefined()
    expect(simplest(trees<Literal>(tensors()), () => true)).toMatchObject({ shape: [] })
  })
})
