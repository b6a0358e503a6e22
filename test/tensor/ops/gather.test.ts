import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { add, mul } from '../../../src/tensor/ops/arithmetic.js'
import { full } from '../../../src/tensor/ops/create.js'
import { gather, oneHot, scatterAdd, take, takeAlongAxis } from '../../../src/tensor/ops/gather.js'
import { broadcastTo, reshape, slice, squeeze, stack } from '../../../src/tensor/ops/movement.js'
import { sum } from '../../../src/tensor/ops/reduce.js'
import type { Shape } from '../../../src/tensor/shape.js'
import type { Tensor } from '../../../src/tensor/tensor.js'
import { anyTensor, shapes, tensors, tensorsOf } from '../../arbitraries.js'
import { at, build, faultOf, literalOf, run, type Plain } from '../../plain.js'

/** In range, just outside it, and far outside it. */
const indexValues = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: -1, max: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(-(2 ** 31), 2 ** 31 - 1) }
)

const indicesOf = (shape: Shape): fc.Arbitrary<Plain> => tensorsOf(shape, 'i32', indexValues)

/** Indices that a program computes: nobody knows them before. */
const computed = (x: Plain): Tensor => add(0)(literalOf(x))

type Reading = { readonly x: Plain; readonly indices: Plain; readonly axis: number }

const readings: fc.Arbitrary<Reading> = fc
  .tuple(tensors('i32', { minRank: 1, maxRank: 3 }), shapes({ maxRank: 2 }).chain(indicesOf))
  .chain(([x, indices]) => fc.nat({ max: x.shape.length - 1 }).map((axis) => ({ x, indices, axis })))

/** out[p.., i.., s..] = x[p.., indices[i..], s..], 0 where the index is outside. */
const naiveTake = ({ x, indices, axis }: Reading): Plain => {
  const rank = indices.shape.length
  return build([...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)], x.dtype, (out) => {
    const index = at(indices, out.slice(axis, axis + rank))
    return index >= 0 && index < x.shape[axis] ? at(x, [...out.slice(0, axis), index, ...out.slice(axis + rank)]) : 0
  })
}

const inner = (a: Tensor, b: Tensor): number => run(sum()(mul(b)(a))).values[0]

describe('take', () => {
  it('reads the slice that each index names, and 0 where there is none', () => {
    fc.assert(
      fc.property(readings, (reading) => {
        const found = take(computed(reading.indices), reading.axis)(literalOf(reading.x))
        expect(run(found)).toEqual(naiveTake(reading))
      })
    )
  })

  it('looks rows up unless told otherwise', () => {
    const table = literalOf({ shape: [3, 2], dtype: 'f32', values: [1, 2, 3, 4, 5, 6] })
    const ids = literalOf({ shape: [2], dtype: 'i32', values: [2, 0] })
    expect(run(take(ids)(table))).toEqual({ shape: [2, 2], dtype: 'f32', values: [5, 6, 1, 2] })
  })

  it('wants i32 indices', () => {
    expect(faultOf(() => take(full([2], 0, 'u32'))(full([2], 1)))).toMatchObject({
      _tag: 'DTypeMismatch',
      found: ['u32']
    })
  })
})

describe('scatterAdd', () => {
  it('is the transpose of take, out-of-range indices included: <take x, y> = <x, scatterAdd y>', () => {
    const cases = readings.chain((reading) =>
      tensorsOf(naiveTake(reading).shape, 'i32').map((updates) => ({ ...reading, updates }))
    )
    fc.assert(
      fc.property(cases, ({ x, indices, axis, updates }) => {
        const [t, i, u] = [literalOf(x), computed(indices), literalOf(updates)]
        expect(inner(take(i, axis)(t), u)).toBe(inner(t, scatterAdd(i, x.shape, axis)(u)))
      })
    )
  })

  it('adds up what repeated indices bring, and drops what is outside', () => {
    const indices = computed({ shape: [4], dtype: 'i32', values: [1, 1, -1, 3] })
    const updates = literalOf({ shape: [4], dtype: 'f32', values: [1, 2, 4, 8] })
    expect(run(scatterAdd(indices, [3])(updates))).toEqual({ shape: [3], dtype: 'f32', values: [0, 3, 0] })
  })

  it('wants updates of the shape that take would read', () => {
    const indices = full([2], 0, 'i32')
    expect(faultOf(() => scatterAdd(indices, [3, 4])(full([2, 3], 1)))).toMatchObject({
      _tag: 'ShapeMismatch',
      op: 'scatterAdd'
    })
  })
})

describe('gather', () => {
  const batched = fc
    .record({
      lead: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 2 }),
      between: fc.array(fc.nat({ max: 2 }), { maxLength: 1 }),
      extent: fc.nat({ max: 3 }),
      after: fc.array(fc.nat({ max: 2 }), { maxLength: 1 }),
      chosen: fc.array(fc.nat({ max: 2 }), { maxLength: 2 })
    })
    .chain(({ lead, between, extent, after, chosen }) =>
      fc.record({
        x: tensorsOf([...lead, ...between, extent, ...after], 'i32'),
        indices: indicesOf([...lead, ...chosen]),
        axis: fc.constant(lead.length + between.length),
        batch: fc.constant(lead.length)
      })
    )

  it('is take within each element of the batch', () => {
    fc.assert(
      fc.property(batched, ({ x, indices, axis, batch }) => {
        const eachTaken = (a: Tensor, i: Tensor, depth: number): Tensor =>
          depth === 0
            ? take(i, axis - batch)(a)
            : stack(0)(
                Array.from({ length: a.shape[0] }, (_, n) => {
                  const nth = (t: Tensor): Tensor => squeeze(0)(slice([[n, n + 1]])(t))
                  return eachTaken(nth(a), nth(i), depth - 1)
                })
              )
        const [a, i] = [literalOf(x), computed(indices)]
        expect(run(gather(i, axis, batch)(a))).toEqual(run(eachTaken(a, i, batch)))
      })
    )
  })

  it('without batch axes is take', () => {
    fc.assert(
      fc.property(readings, ({ x, indices, axis }) => {
        const [a, i] = [literalOf(x), computed(indices)]
        expect(run(gather(i, axis, 0)(a))).toEqual(run(take(i, axis)(a)))
      })
    )
  })

  it('wants one batch on both sides, the axis behind it, and i32 indices', () => {
    const x = full([2, 3, 4], 1)
    expect(faultOf(() => gather(full([2, 2], 0, 'u32'), 1, 1)(x))).toMatchObject({
      _tag: 'DTypeMismatch',
      op: 'gather',
      found: ['u32']
    })
    expect(faultOf(() => gather(full([5, 2], 0, 'i32'), 1, 1)(x))).toMatchObject({
      _tag: 'ShapeMismatch',
      op: 'gather'
    })
    expect(faultOf(() => gather(full([2, 2], 0, 'i32'), 0, 1)(x))).toMatchObject({
      _tag: 'InvalidArgument',
      op: 'gather'
    })
  })
})

describe('takeAlongAxis', () => {
  it('reads one element along the axis for each index, the other axes broadcast', () => {
    const cases = anyTensor({ minRank: 1, maxRank: 3 }).chain((x) =>
      fc
        .record({
          axis: fc.nat({ max: x.shape.length - 1 }),
          count: fc.nat({ max: 3 }),
          ones: fc.array(fc.boolean(), { minLength: x.shape.length, maxLength: x.shape.length })
        })
        .chain(({ axis, count, ones }) =>
          indicesOf(x.shape.map((d, a) => (a === axis ? count : ones[a] ? 1 : d))).map((indices) => ({
            x,
            indices,
            axis
          }))
        )
    )
    fc.assert(
      fc.property(cases, ({ x, indices, axis }) => {
        const shape = x.shape.map((d, a) => (a === axis ? indices.shape[axis] : d))
        const expected = build(shape, x.dtype, (out) => {
          const index = at(
            indices,
            out.map((o, a) => (indices.shape[a] === 1 ? 0 : o))
          )
          return index >= 0 && index < x.shape[axis]
            ? at(
                x,
                out.map((o, a) => (a === axis ? index : o))
              )
            : 0
        })
        expect(run(takeAlongAxis(computed(indices), axis)(literalOf(x)))).toEqual(expected)
        expect(run(takeAlongAxis(computed(indices), axis - x.shape.length)(literalOf(x)))).toEqual(expected)
      })
    )
  })

  it('wants indices of the same rank', () => {
    expect(faultOf(() => takeAlongAxis(full([2], 0, 'i32'), 0)(full([2, 2], 1)))).toMatchObject({
      _tag: 'ShapeMismatch',
      op: 'takeAlongAxis'
    })
  })
})

describe('indices that are known when the expression is written', () => {
  const known: Readonly<Record<string, (index: number) => Tensor>> = {
    'a literal': (index) => literalOf({ shape: [1], dtype: 'i32', values: [index] }),
    'a constant': (index) => full([1], index, 'i32'),
    'a literal in another shape': (index) =>
      broadcastTo([2, 1])(literalOf({ shape: [1], dtype: 'i32', values: [index] }))
  }
  const readers: Readonly<Record<string, (indices: Tensor) => Tensor>> = {
    take: (indices) => take(indices, 1)(full([2, 3], 1)),
    gather: (indices) => gather(indices, 1, 0)(full([2, 3], 1)),
    takeAlongAxis: (indices) => takeAlongAxis(reshape([1, -1])(indices), 1)(full([2, 3], 1)),
    scatterAdd: (indices) => scatterAdd(indices, [2, 3], 1)(full([2, ...indices.shape], 1))
  }

  it.each(Object.keys(readers))('are a fault of %s that names the one that is outside', (name) => {
    for (const indices of Object.values(known))
      for (const index of [-(2 ** 31), -1, 0, 2, 3, 2 ** 31 - 1]) {
        const read = (): Tensor => readers[name](indices(index))
        if (index >= 0 && index < 3) expect(read).not.toThrow()
        else expect(faultOf(read)).toMatchObject({ _tag: 'InvalidArgument', op: name, found: `index ${index}` })
      }
  })

  it('may be anything where they stand nowhere', () => {
    expect(run(take(broadcastTo([0])(full([], 7, 'i32')))(full([3], 1)))).toMatchObject({ shape: [0] })
    expect(run(take(full([0], 0, 'i32'))(full([0], 1)))).toMatchObject({ shape: [0] })
  })
})

describe('oneHot', () => {
  it('is 1 at the index and 0 elsewhere, all zeros where the index is outside', () => {
    const cases = fc.tuple(shapes({ maxRank: 2 }).chain(indicesOf), fc.nat({ max: 3 }))
    fc.assert(
      fc.property(cases, ([indices, depth]) => {
        expect(run(oneHot(depth)(literalOf(indices)))).toEqual(
          build([...indices.shape, depth], 'f32', (i) => (at(indices, i.slice(0, -1)) === i[i.length - 1] ? 1 : 0))
        )
      })
    )
  })

  it('takes u32 indices and other dtypes, but no f32 indices', () => {
    const ids = literalOf({ shape: [2], dtype: 'u32', values: [2 ** 32 - 1, 1] })
    expect(run(oneHot(2, 'bool')(ids))).toEqual({ shape: [2, 2], dtype: 'bool', values: [0, 0, 0, 1] })
    expect(faultOf(() => oneHot(2)(full([2], 1)))).toMatchObject({ _tag: 'DTypeMismatch', op: 'oneHot' })
  })
})
