import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesPerElement, dtypes, type FloatWidth } from '../../../src/tensor/dtype.js'
import type { Spec } from '../../../src/tensor/program/program.js'
import { sizeOf } from '../../../src/tensor/shape.js'
import { alignment } from '../../../src/tensor/alignment.js'
import { layOut } from '../../../src/workers/pool/layout.js'

const specs: fc.Arbitrary<Spec> = fc.record({
  shape: fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 3 }),
  dtype: fc.constantFrom(...dtypes)
})

const widths: fc.Arbitrary<FloatWidth> = fc.constantFrom('float32', 'float64')

const banks = fc.dictionary(fc.string({ minLength: 1, maxLength: 4 }), fc.array(specs, { maxLength: 6 }), {
  maxKeys: 5
})

describe('a layout', () => {
  it('gives every array of the tree a place of its size and dtype', () => {
    fc.assert(
      fc.property(widths, banks, (floats, tree) => {
        const { places } = layOut(floats, tree)
        expect(Object.keys(places).sort()).toEqual(Object.keys(tree).sort())
        for (const [name, bank] of Object.entries(tree))
          expect(places[name].map(({ size, dtype }) => ({ size, dtype }))).toEqual(
            bank.map(({ shape, dtype }) => ({ size: sizeOf(shape), dtype }))
          )
      })
    )
  })

  it('starts every array at a multiple of the alignment, lets none overlap, and holds them all', () => {
    fc.assert(
      fc.property(widths, banks, (floats, tree) => {
        const { places, bytes } = layOut(floats, tree)
        const spans = Object.values(places)
          .flat()
          .map(({ offset, size, dtype }) => ({ from: offset, to: offset + size * bytesPerElement(dtype, floats) }))
          .sort((a, b) => a.from - b.from || a.to - b.to)
        spans.forEach(({ from, to }, i) => {
          expect(from % alignment).toBe(0)
          expect(to).toBeLessThanOrEqual(i + 1 < spans.length ? spans[i + 1].from : bytes)
        })
      })
    )
  })

  it('spends less than one alignment on each array beyond its own bytes', () => {
    fc.assert(
      fc.property(widths, banks, (floats, tree) => {
        const all = Object.values(tree).flat()
        const needed = all.reduce((n, { shape, dtype }) => n + sizeOf(shape) * bytesPerElement(dtype, floats), 0)
        expect(layOut(floats, tree).bytes - needed).toBeLessThanOrEqual(all.length * (alignment - 1))
      })
    )
  })

  it('puts arrays one after the other in path order', () => {
    const { places, bytes } = layOut('float32', {
      b: [{ shape: [3], dtype: 'bool' }],
      a: [
        { shape: [17], dtype: 'f32' },
        { shape: [], dtype: 'i32' }
      ]
    })
    expect(places.a.map(({ offset }) => offset)).toEqual([0, 128])
    expect(places.b.map(({ offset }) => offset)).toEqual([192])
    expect(bytes).toBe(256)
  })
})
