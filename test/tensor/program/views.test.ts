import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Affine } from '../../../src/tensor/program/kernel.js'
import {
  broadcastView,
  collapse,
  compose,
  coordinates,
  dense,
  isDense,
  permuteView,
  reshapeView,
  sliceView,
  splitAffine,
  splitExtents
} from '../../../src/tensor/program/views.js'
import { sizeOf, stridesOf, type Shape } from '../../../src/tensor/shape.js'

/** The values of an affine function at every point, in row-major order. */
const walk = (extents: Shape, at: Affine): ReadonlyArray<number> =>
  extents.reduce<ReadonlyArray<number>>(
    (places, extent, axis) => places.flatMap((p) => Array.from({ length: extent }, (_, i) => p + i * at.strides[axis])),
    [at.offset]
  )

const shapes = (max = 4): fc.Arbitrary<Shape> => fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: max })

const shuffled = (n: number): fc.Arbitrary<ReadonlyArray<number>> =>
  fc.shuffledSubarray(
    Array.from({ length: n }, (_, i) => i),
    { minLength: n, maxLength: n }
  )

/** A permuted, stepped view of a dense array. */
const views = shapes().chain((shape) =>
  fc
    .record({
      order: shuffled(shape.length),
      step: fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 4, maxLength: 4 })
    })
    .map(({ order, step }) => {
      const steps = shape.map((_, i) => step[i])
      const sliced = sliceView({ _tag: 'slice', start: shape.map(() => 0), step: steps }, dense(shape))
      const extents = shape.map((d, i) => Math.ceil(d / steps[i]))
      return { extents: order.map((a) => extents[a]), at: permuteView({ _tag: 'permute', order }, sliced) }
    })
)

describe('views', () => {
  it('collapse keeps the places walked and their order', () => {
    fc.assert(
      fc.property(views, ({ extents, at }) => {
        const { extents: merged, lists } = collapse(extents, [at.strides])
        expect(walk(merged, { offset: at.offset, strides: lists[0] })).toEqual(walk(extents, at))
        expect(merged.every((d) => d !== 1)).toBe(true)
      })
    )
  })

  it('collapse makes a dense view one axis', () => {
    fc.assert(
      fc.property(shapes(), (shape) => {
        expect(collapse(shape, [dense(shape).strides]).extents.length).toBeLessThanOrEqual(1)
        expect(isDense(shape, dense(shape))).toBe(true)
      })
    )
  })

  it('a reshaped view walks the same places in the same order, or there is none', () => {
    fc.assert(
      fc.property(views, shapes(6), ({ extents, at }, other) => {
        const to = sizeOf(other) === sizeOf(extents) ? other : [1, ...extents.slice().reverse()]
        const view = reshapeView(extents, to, at)
        if (view !== undefined) expect(walk(to, view)).toEqual(walk(extents, at))
      })
    )
  })

  it('a dense array has a view of every shape of its size, and splitting or merging dense axes is always a view', () => {
    fc.assert(
      fc.property(shapes(), (shape) => {
        expect(reshapeView([sizeOf(shape)], shape, dense([sizeOf(shape)]))).toBeDefined()
        expect(reshapeView(shape, [sizeOf(shape)], dense(shape))).toEqual({
          offset: 0,
          strides: [sizeOf(shape) === 1 ? 0 : 1]
        })
      })
    )
  })

  it('a transposed matrix has no flat view', () => {
    expect(reshapeView([3, 2], [6], { offset: 0, strides: [1, 3] })).toBeUndefined()
  })

  it('a broadcast repeats along the axes that it stretches', () => {
    expect(walk([2, 3], broadcastView([3], [2, 3], dense([3])))).toEqual([0, 1, 2, 0, 1, 2])
    expect(walk([2, 3], broadcastView([2, 1], [2, 3], dense([2, 1])))).toEqual([0, 0, 0, 1, 1, 1])
  })

  it('coordinates are the digits of the place, and compose puts them back', () => {
    fc.assert(
      fc.property(views, shapes(), ({ extents }, extra) => {
        const shape = [...extents, ...extra]
        const loops = [...extra, ...extents]
        // Loop `i` walks one axis of `shape`, in another order.
        const axisOf = (loop: number): number => (loop < extra.length ? extents.length + loop : loop - extra.length)
        const radix = stridesOf(shape)
        const at = { offset: 0, strides: loops.map((_, loop) => radix[axisOf(loop)]) }
        const found = coordinates(shape, at, loops)
        if (found._tag !== 'affine') throw new Error(found._tag)
        expect(walk(loops, compose(dense(shape), found.axes, loops.length))).toEqual(walk(loops, at))
        found.axes.forEach((axis, i) => expect(walk(loops, axis).every((c) => c >= 0 && c < shape[i])).toBe(true))
      })
    )
  })

  it('a flat loop over several axes has coordinates once it is split', () => {
    const at = dense([24])
    const asked = coordinates([2, 3, 4], at, [24])
    if (asked._tag !== 'afterSplit') throw new Error(asked._tag)
    const loops = splitExtents([24], asked.split)
    const again = coordinates([2, 3, 4], splitAffine(at, asked.split), loops)
    if (again._tag !== 'afterSplit') throw new Error(again._tag)
    const finer = splitExtents(loops, again.split)
    expect(sizeOf(finer)).toBe(24)
    expect(coordinates([2, 3, 4], splitAffine(splitAffine(at, asked.split), again.split), finer)._tag).toBe('affine')
  })

  it('a window that runs across rows has no coordinates', () => {
    expect(coordinates([3, 4], { offset: 2, strides: [1] }, [5])._tag).toBe('notAffine')
    expect(coordinates([3, 4], { offset: 2, strides: [1] }, [3])._tag).toBe('notAffine')
    expect(coordinates([3, 4], { offset: 2, strides: [1] }, [2])._tag).toBe('affine')
  })
})
