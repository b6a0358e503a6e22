import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { broadcastShapes, broadcastsTo, equalShapes, showShape, sizeOf, stridesOf } from '../../src/tensor/shape.js'
import { broadcastableShapes, shapes } from '../arbitraries.js'
import { indicesOf } from '../plain.js'

describe('sizes and strides', () => {
  it('sizeOf counts the indices', () => {
    fc.assert(
      fc.property(shapes(), (shape) => {
        expect(sizeOf(shape)).toBe(indicesOf(shape).length)
      })
    )
  })

  it('strides number the indices in row-major order', () => {
    fc.assert(
      fc.property(shapes(), (shape) => {
        const strides = stridesOf(shape)
        const flat = indicesOf(shape).map((index) => index.reduce((sum, i, axis) => sum + i * strides[axis], 0))
        expect(flat).toEqual(flat.map((_, i) => i))
      })
    )
  })

  it('shapes are equal when their extents are', () => {
    fc.assert(
      fc.property(shapes({ maxExtent: 1 }), shapes({ maxExtent: 1 }), (a, b) => {
        expect(equalShapes(a, b)).toBe(showShape(a) === showShape(b))
      })
    )
  })
})

describe('broadcasting of shapes', () => {
  it('commutes', () => {
    fc.assert(
      fc.property(shapes(), shapes(), (a, b) => {
        expect(broadcastShapes(a, b)).toEqual(broadcastShapes(b, a))
      })
    )
  })

  it('associates, failures included', () => {
    fc.assert(
      fc.property(shapes(), shapes(), shapes(), (a, b, c) => {
        const [ab, bc] = [broadcastShapes(a, b), broadcastShapes(b, c)]
        const left = ab && broadcastShapes(ab, c)
        const right = bc && broadcastShapes(a, bc)
        expect(left).toEqual(right)
      }),
      { numRuns: 500 }
    )
  })

  it('leaves a shape with itself, with [] and with ones as it is', () => {
    fc.assert(
      fc.property(shapes(), (shape) => {
        expect(broadcastShapes(shape, shape)).toEqual(shape)
        expect(broadcastShapes(shape, [])).toEqual(shape)
        expect(
          broadcastShapes(
            shape,
            shape.map(() => 1)
          )
        ).toEqual(shape)
      })
    )
  })

  it('both sides broadcast to the common shape, and a shape broadcasts to another only if that absorbs it', () => {
    fc.assert(
      fc.property(broadcastableShapes(2), ([a, b]) => {
        const common = broadcastShapes(a, b) ?? []
        expect([broadcastsTo(a, common), broadcastsTo(b, common)]).toEqual([true, true])
        expect(broadcastsTo(a, b)).toBe(equalShapes(common, b))
      })
    )
    expect(broadcastShapes([2], [3])).toBeUndefined()
    expect(broadcastShapes([0], [1])).toEqual([0])
    expect(broadcastShapes([0], [2])).toBeUndefined()
  })
})
