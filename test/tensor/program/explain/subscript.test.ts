import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { axisNames, subscript, type Access } from '../../../../src/tensor/program/explain/subscript.js'
import { dense } from '../../../../src/tensor/program/views.js'
import { atom } from '../../../../src/tensor/program/explain/infix.js'
import type { Shape } from '../../../../src/tensor/shape.js'

const shown = (extents: Shape, strides: ReadonlyArray<number>, offset: number, size: number): string =>
  subscript({ axes: axisNames(extents), extents, at: { offset, strides }, size })

describe('a subscript', () => {
  it.each([
    ['nothing of a whole buffer', [4, 8], [8, 1], 0, 32, ''],
    ['nothing of a number', [4, 8], [0, 0], 0, 1, ''],
    ['the axes along which a broadcast buffer moves', [4, 8], [0, 1], 0, 8, '[j]'],
    ['the axes of a transposed one in their order', [4, 8], [1, 4], 0, 32, '[j, i]'],
    ['the axes of a part from the start', [4, 8], [8, 1], 0, 64, '[i, j]'],
    ['the number of an element where there are gaps', [4, 8], [16, 1], 8, 64, '[16 * i + j + 8]'],
    ['the number of one element', [4, 8], [0, 0], 3, 4, '[3]'],
    ['nothing of axes of one element', [1, 8], [5, 1], 0, 8, '']
  ] as const)('says %s', (_, extents, strides, offset, size, text) => {
    expect(shown(extents, strides, offset, size)).toBe(text)
  })

  it('has what a lookup looks up where it moves', () => {
    const access: Access = { axes: ['i', 'j'], extents: [4, 8], at: { offset: 0, strides: [0, 1] }, size: 80 }
    const index = { name: atom('ids[i]'), stride: 8, extent: 10 }
    expect(subscript({ ...access, index })).toBe('[ids[i], j]')
    expect(subscript({ ...access, at: { offset: 0, strides: [1, 0] }, index })).toBe('[8 * ids[i] + i]')
  })

  /** The element that a subscript means at a point. */
  const elementAt = (text: string, extents: Shape, size: number, point: ReadonlyArray<number>): number => {
    const axes = axisNames(extents)
    const numberOf = (names: ReadonlyArray<string>): number =>
      names.reduce((n, name) => n * extents[axes.indexOf(name)] + point[axes.indexOf(name)], 0)
    if (text === '') return size === 1 ? 0 : numberOf(axes)
    const places = text.slice(1, -1).split(', ')
    if (places.every((place) => axes.includes(place))) return numberOf(places)
    return Number(runInNewContext(text.slice(1, -1), Object.fromEntries(axes.map((axis, i) => [axis, point[i]]))))
  }

  const accesses = fc
    .array(fc.record({ extent: fc.integer({ min: 1, max: 4 }), key: fc.nat(), kept: fc.nat(3), gap: fc.nat(9) }), {
      minLength: 1,
      maxLength: 4
    })
    .chain((axes) => {
      // Dense in some order and without some of the axes; or nearly.
      const order = axes.map((_, axis) => axis).filter((axis) => axes[axis].kept > 0)
      order.sort((a, b) => axes[a].key - axes[b].key)
      const strides = axes.map(() => 0)
      const inOrder = dense(order.map((axis) => axes[axis].extent)).strides
      order.forEach((axis, i) => (strides[axis] = inOrder[i] + (axes[axis].gap === 9 ? 1 : 0)))
      const extents = axes.map(({ extent }) => extent)
      const reach = strides.reduce((sum, stride, axis) => sum + stride * (extents[axis] - 1), 1)
      return fc
        .record({
          offset: fc.constantFrom(0, 0, 3),
          more: fc.constantFrom(0, 0, 5),
          at: fc.array(fc.nat(), { minLength: 4 })
        })
        .map(({ offset, more, at }) => ({ extents, strides, offset, size: reach + offset + more, at }))
    })

  it('means the element that is walked', () => {
    fc.assert(
      fc.property(accesses, ({ extents, strides, offset, size, at }) => {
        const point = extents.map((extent, axis) => at[axis] % extent)
        const text = shown(extents, strides, offset, size)
        const element = strides.reduce((sum, stride, axis) => sum + stride * point[axis], offset)
        expect(elementAt(text, extents, size, point)).toBe(element)
      }),
      { numRuns: 1000 }
    )
  })
})
