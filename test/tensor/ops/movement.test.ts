import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mul } from '../../../src/tensor/ops/arithmetic.js'
import { zeros } from '../../../src/tensor/ops/create.js'
import * as m from '../../../src/tensor/ops/movement.js'
import { sum } from '../../../src/tensor/ops/reduce.js'
import { sizeOf } from '../../../src/tensor/shape.js'
import type { Tensor } from '../../../src/tensor/tensor.js'
import { anyTensor, axesOf, axisOf, shapes, tensors, tensorsOf } from '../../arbitraries.js'
import { at, broadcastAt, build, faultOf, literalOf, run, type Plain } from '../../plain.js'

const orders = (x: Plain): fc.Arbitrary<ReadonlyArray<number>> =>
  fc.shuffledSubarray(
    x.shape.map((_, i) => i),
    { minLength: x.shape.length }
  )

/** A pair of a tensor and something that depends on its shape. */
const along = <A>(x: fc.Arbitrary<Plain>, f: (x: Plain) => fc.Arbitrary<A>): fc.Arbitrary<readonly [Plain, A]> =>
  x.chain((t) => fc.tuple(fc.constant(t), f(t)))

const inverseOf = (order: ReadonlyArray<number>): ReadonlyArray<number> => order.map((_, i) => order.indexOf(i))

const inner = (a: Tensor, b: Tensor): number => run(sum()(mul(b)(a))).values[0]

describe('reshape', () => {
  it('keeps the elements in row-major order, so there and back is the identity', () => {
    fc.assert(
      fc.property(anyTensor(), (x) => {
        const flat = m.reshape([sizeOf(x.shape)])(literalOf(x))
        expect(run(flat)).toEqual({ ...x, shape: [sizeOf(x.shape)] })
        expect(run(m.reshape(x.shape)(flat))).toEqual(x)
      })
    )
  })

  it('fills in an extent of -1', () => {
    const cases = along(tensors('f32', { minRank: 1, minExtent: 1 }), (x) => fc.nat({ max: x.shape.length - 1 }))
    fc.assert(
      fc.property(cases, ([x, open]) => {
        const flat = m.reshape([-1])(literalOf(x))
        expect(m.reshape(x.shape.map((d, i) => (i === open ? -1 : d)))(flat).shape).toEqual(x.shape)
      })
    )
  })

  it('to another number of elements, or with an open extent that has no single answer, is a fault', () => {
    const x = literalOf({ shape: [2, 3], dtype: 'f32', values: [1, 2, 3, 4, 5, 6] })
    expect(faultOf(() => m.reshape([4])(x))).toEqual({ _tag: 'ShapeMismatch', op: 'reshape', shapes: [[2, 3], [4]] })
    expect(faultOf(() => m.reshape([4, -1])(x))).toMatchObject({ _tag: 'ShapeMismatch', op: 'reshape' })
    expect(faultOf(() => m.reshape([-1, -1])(x))).toMatchObject({ _tag: 'InvalidArgument', op: 'reshape' })
    expect(
      faultOf(() => m.reshape([0, -1])(m.reshape([0, 3])(literalOf({ ...x, shape: [0], values: [] }))))
    ).toMatchObject({
      _tag: 'ShapeMismatch'
    })
  })
})

describe('permute and transpose', () => {
  it('permute puts axis order[i] at i', () => {
    fc.assert(
      fc.property(along(anyTensor(), orders), ([x, order]) => {
        const expected = build(
          order.map((a) => x.shape[a]),
          x.dtype,
          (i) =>
            at(
              x,
              inverseOf(order).map((p) => i[p])
            )
        )
        expect(run(m.permute(order)(literalOf(x)))).toEqual(expected)
      })
    )
  })

  it('permute by the inverse order undoes it', () => {
    fc.assert(
      fc.property(along(anyTensor(), orders), ([x, order]) => {
        expect(run(m.permute(inverseOf(order))(m.permute(order)(literalOf(x))))).toEqual(x)
      })
    )
  })

  it('transpose swaps the last two axes and is its own inverse', () => {
    fc.assert(
      fc.property(anyTensor({ minRank: 2 }), (x) => {
        const [p, q] = [x.shape.length - 2, x.shape.length - 1]
        const swapped = x.shape.map((_, i) => (i === p ? q : i === q ? p : i))
        expect(run(m.transpose(literalOf(x)))).toEqual(run(m.permute(swapped)(literalOf(x))))
        expect(run(m.transpose(m.transpose(literalOf(x))))).toEqual(x)
      })
    )
  })

  it('transpose of a vector, and an order that misses an axis, are faults', () => {
    const x = literalOf({ shape: [2], dtype: 'f32', values: [1, 2] })
    expect(faultOf(() => m.transpose(x))).toMatchObject({ _tag: 'AxisOutOfRange', op: 'transpose', rank: 1 })
    expect(faultOf(() => m.permute([])(x))).toMatchObject({ _tag: 'InvalidArgument', op: 'permute' })
  })
})

describe('broadcastTo, expandDims and squeeze', () => {
  it('broadcastTo repeats along axes of extent 1 and new leading axes', () => {
    const cases = shapes().chain((shape) =>
      fc
        .tuple(fc.nat({ max: shape.length }), fc.infiniteStream(fc.boolean()))
        .chain(([drop, ones]) => tensorsOf(shape.map((d) => (ones.next().value ? 1 : d)).slice(drop)))
        .map((x) => [x, shape] as const)
    )
    fc.assert(
      fc.property(cases, ([x, shape]) => {
        expect(run(m.broadcastTo(shape)(literalOf(x)))).toEqual(build(shape, x.dtype, (i) => broadcastAt(x, i)))
      })
    )
  })

  it('broadcastTo never makes an axis smaller', () => {
    const x = literalOf({ shape: [3], dtype: 'f32', values: [1, 2, 3] })
    expect(faultOf(() => m.broadcastTo([1])(x))).toMatchObject({ _tag: 'ShapeMismatch', shapes: [[3], [1]] })
    expect(faultOf(() => m.broadcastTo([])(x))).toMatchObject({ _tag: 'ShapeMismatch' })
  })

  it('squeeze undoes expandDims at any axis', () => {
    const cases = along(anyTensor(), (x) => fc.integer({ min: -x.shape.length - 1, max: x.shape.length }))
    fc.assert(
      fc.property(cases, ([x, axis]) => {
        const wider = m.expandDims(axis)(literalOf(x))
        const resolved = axis < 0 ? axis + x.shape.length + 1 : axis
        expect(wider.shape).toEqual([...x.shape.slice(0, resolved), 1, ...x.shape.slice(resolved)])
        expect(run(m.squeeze(axis)(wider))).toEqual(x)
      })
    )
  })

  it('squeeze of an axis of another extent is a fault', () => {
    const x = literalOf({ shape: [3], dtype: 'f32', values: [1, 2, 3] })
    expect(faultOf(() => m.squeeze(0)(x))).toMatchObject({ _tag: 'InvalidArgument', op: 'squeeze' })
  })
})

describe('slice and pad', () => {
  /** Bounds as Python has them, far outside the axis too. */
  const ranges: fc.Arbitrary<m.Range> = fc.oneof(
    fc.constant(null),
    fc.tuple(fc.integer({ min: -5, max: 5 }), fc.option(fc.integer({ min: -5, max: 5 }))),
    fc.tuple(
      fc.integer({ min: -5, max: 5 }),
      fc.option(fc.integer({ min: -5, max: 5 })),
      fc.integer({ min: 1, max: 3 })
    )
  )

  /** Array.prototype.slice has Python's bounds; the step is a filter. */
  const picked = (range: m.Range | undefined, extent: number): ReadonlyArray<number> => {
    const all = Array.from({ length: extent }, (_, i) => i)
    if (range === null || range === undefined) return all
    const [start, end, step = 1] = range
    return all.slice(start, end ?? undefined).filter((_, i) => i % step === 0)
  }

  it('slice picks what Python picks, axis by axis', () => {
    const cases = along(anyTensor({ minRank: 1, maxRank: 2, maxExtent: 6 }), (x) =>
      fc.array(ranges, { maxLength: x.shape.length })
    )
    fc.assert(
      fc.property(cases, ([x, cuts]) => {
        const indices = x.shape.map((extent, i) => picked(cuts[i], extent))
        const expected = build(
          indices.map((p) => p.length),
          x.dtype,
          (i) =>
            at(
              x,
              i.map((j, axis) => indices[axis][j])
            )
        )
        expect(run(m.slice(cuts)(literalOf(x)))).toEqual(expected)
      })
    )
  })

  const widthsFor = (x: Plain): fc.Arbitrary<ReadonlyArray<readonly [number, number]>> =>
    fc.tuple(...x.shape.map(() => fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 2 }))))

  it('pad puts the value around the tensor', () => {
    fc.assert(
      fc.property(along(tensors('i32', { maxRank: 3 }), widthsFor), fc.integer(), ([x, widths], value) => {
        const expected = build(
          x.shape.map((d, i) => widths[i][0] + d + widths[i][1]),
          x.dtype,
          (index) => {
            const source = index.map((j, axis) => j - widths[axis][0])
            return source.every((j, axis) => j >= 0 && j < x.shape[axis]) ? at(x, source) : value
          }
        )
        expect(run(m.pad(widths, value)(literalOf(x)))).toEqual(expected)
      })
    )
  })

  it('slice undoes pad', () => {
    fc.assert(
      fc.property(along(anyTensor({ maxRank: 3 }), widthsFor), ([x, widths]) => {
        const back = m.slice(x.shape.map((d, i) => [widths[i][0], widths[i][0] + d]))
        expect(run(back(m.pad(widths, 1)(literalOf(x))))).toEqual(x)
      })
    )
  })

  it('slice is the adjoint of pad with 0: <pad x, y> = <x, slice y>', () => {
    const cases = tensors('i32', { maxRank: 3 }).chain((x) =>
      widthsFor(x).chain((widths) =>
        tensorsOf(
          x.shape.map((d, i) => widths[i][0] + d + widths[i][1]),
          'i32'
        ).map((y) => [x, widths, y] as const)
      )
    )
    fc.assert(
      fc.property(cases, ([x, widths, y]) => {
        const back = m.slice(x.shape.map((d, i) => [widths[i][0], widths[i][0] + d]))
        expect(inner(m.pad(widths)(literalOf(x)), literalOf(y))).toBe(inner(literalOf(x), back(literalOf(y))))
      })
    )
  })

  it('bounds, steps and widths that make no sense are faults', () => {
    const x = literalOf({ shape: [3], dtype: 'i32', values: [1, 2, 3] })
    expect(faultOf(() => m.slice([[0, 2, 0]])(x))).toMatchObject({ _tag: 'InvalidArgument', op: 'slice' })
    expect(faultOf(() => m.slice([[0.5, 2]])(x))).toMatchObject({ _tag: 'InvalidArgument', op: 'slice' })
    expect(faultOf(() => m.slice([null, null])(x))).toMatchObject({ _tag: 'AxisOutOfRange', op: 'slice' })
    expect(faultOf(() => m.pad([[-1, 0]])(x))).toMatchObject({ _tag: 'InvalidArgument', op: 'pad' })
    expect(faultOf(() => m.pad([])(x))).toMatchObject({ _tag: 'InvalidArgument', op: 'pad' })
    expect(faultOf(() => m.pad([[1, 1]], 0.5)(x))).toMatchObject({ _tag: 'InvalidArgument', found: '0.5' })
  })
})

describe('concat, stack and split', () => {
  const sizesOf = (extent: number): fc.Arbitrary<ReadonlyArray<number>> =>
    fc
      .array(fc.nat({ max: extent }), { maxLength: 3 })
      .map((cuts) => [0, ...[...cuts].sort((a, b) => a - b), extent])
      .map((bounds) => bounds.slice(1).map((b, i) => b - bounds[i]))

  const cuts = anyTensor({ minRank: 1, maxExtent: 5, maxRank: 3 }).chain((x) =>
    axisOf(x.shape).chain((axis) => sizesOf(x.shape.at(axis) ?? 0).map((sizes) => [x, axis, sizes] as const))
  )

  it('of more elements than there may be is a fault', () => {
    const x = zeros([2 ** 29])
    expect(m.concat(0)([x, x]).shape).toEqual([2 ** 30])
    expect(faultOf(() => m.concat(0)([x, x, x, x]))).toMatchObject({ _tag: 'InvalidArgument', op: 'concat' })
  })

  it('concat undoes split', () => {
    fc.assert(
      fc.property(cuts, ([x, axis, sizes]) => {
        const parts = m.split(sizes, axis)(literalOf(x))
        expect(parts.map((p) => p.shape.at(axis))).toEqual(sizes)
        expect(run(m.concat(axis)(parts))).toEqual(x)
      })
    )
  })

  it('split undoes concat', () => {
    const parts = shapes({ minRank: 1, maxRank: 3 }).chain((shape) =>
      fc.array(tensorsOf(shape, 'i32'), { minLength: 1, maxLength: 4 })
    )
    fc.assert(
      fc.property(parts, (xs) => {
        const joined = m.concat(-1)(xs.map(literalOf))
        expect(
          m
            .split(
              xs.length,
              -1
            )(joined)
            .map((p) => run(p))
        ).toEqual(xs)
      })
    )
  })

  it('stack puts tensor i at index i of the new axis', () => {
    const cases = shapes({ maxRank: 3 }).chain((shape) =>
      fc.tuple(
        fc.array(tensorsOf(shape, 'u32'), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: -shape.length - 1, max: shape.length })
      )
    )
    fc.assert(
      fc.property(cases, ([xs, axis]) => {
        const stacked = m.stack(axis)(xs.map(literalOf))
        expect(
          m
            .split(
              xs.length,
              axis
            )(stacked)
            .map((p) => run(m.squeeze(axis)(p)))
        ).toEqual(xs)
      })
    )
  })

  it('parts that do not make up the axis, or nothing to join, are faults', () => {
    const x = literalOf({ shape: [3], dtype: 'i32', values: [1, 2, 3] })
    expect(faultOf(() => m.split(2)(x))).toMatchObject({ op: 'split', found: '2 sections' })
    expect(faultOf(() => m.split([1, 1])(x))).toMatchObject({ _tag: 'InvalidArgument', op: 'split' })
    expect(faultOf(() => m.split([4, -1])(x))).toMatchObject({ _tag: 'InvalidArgument', op: 'split' })
    expect(faultOf(() => m.concat(0)([]))).toMatchObject({ _tag: 'InvalidArgument', op: 'concat' })
    expect(faultOf(() => m.stack(0)([]))).toMatchObject({ _tag: 'InvalidArgument', op: 'stack' })
    const other = literalOf({ shape: [2], dtype: 'i32', values: [1, 2] })
    expect(faultOf(() => m.stack(0)([x, other]))).toMatchObject({ _tag: 'ShapeMismatch' })
  })
})

describe('flip', () => {
  const flips = along(anyTensor(), (x) => axesOf(x.shape))

  it('reads from the other end', () => {
    fc.assert(
      fc.property(flips, ([x, axes]) => {
        const expected = build(x.shape, x.dtype, (index) =>
          at(
            x,
            index.map((i, axis) => (axes.includes(axis) ? x.shape[axis] - 1 - i : i))
          )
        )
        expect(run(m.flip(axes)(literalOf(x)))).toEqual(expected)
      })
    )
  })

  it('is its own inverse', () => {
    fc.assert(
      fc.property(flips, ([x, axes]) => {
        expect(run(m.flip(axes)(m.flip(axes)(literalOf(x))))).toEqual(x)
      })
    )
  })

  it('of an axis twice is a fault', () => {
    const x = literalOf({ shape: [1], dtype: 'i32', values: [1] })
    expect(faultOf(() => m.flip([0, -1])(x))).toMatchObject({ _tag: 'InvalidArgument', op: 'flip' })
  })
})
