import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { truncatedNormal } from '../../src/nn/index.js'
import { columnSelection, offsetRotation, pairFrequencies, sinusoids } from '../../src/nn/sinusoids.js'
import { random } from '../../src/tensor/index.js'
import type { Tensor } from '../../src/tensor/index.js'
import { faultOf } from '../plain.js'
import { numbersOf } from '../electra/objective/cases.js'

const key = random.key(7)

const rowsOf = (x: Tensor): ReadonlyArray<ReadonlyArray<number>> => {
  const [values, [rows, width]] = [numbersOf(x), x.shape]
  return Array.from({ length: rows }, (_, i) => values.slice(i * width, (i + 1) * width))
}

const dot = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number => a.reduce((sum, x, i) => sum + x * b[i], 0)

describe('sinusoids', () => {
  it('are sines, then cosines, of the row times frequencies evenly spread up to pi', () => {
    const found = rowsOf(sinusoids(0.3)(key, [5, 4]))
    found.forEach((row, p) =>
      [
        Math.sin(p * 0.25 * Math.PI),
        Math.sin(p * 0.75 * Math.PI),
        Math.cos(p * 0.25 * Math.PI),
        Math.cos(p * 0.75 * Math.PI)
      ]
        .map((x) => 0.3 * x)
        .forEach((x, k) => expect(row[k]).toBeCloseTo(x, 6))
    )
  })

  it('of rows less than the width apart are orthogonal, and all of one length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), (half) => {
        const rows = rowsOf(sinusoids(1)(key, [2 * half, 2 * half]))
        rows.forEach((a, p) => rows.forEach((b, q) => expect(dot(a, b)).toBeCloseTo(p === q ? half : 0, 4)))
      })
    )
  })

  it('come in pairs', () => {
    expect(faultOf(() => sinusoids(1)(key, [4, 3]))).toMatchObject({ _tag: 'InvalidArgument', op: 'sinusoids' })
    expect(faultOf(() => sinusoids(1)(key, [4]))).toMatchObject({ _tag: 'InvalidArgument', op: 'sinusoids' })
  })
})

describe('a offsetRotation matrix', () => {
  it('reads of the place at its offset what the drawn one reads of a place', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 1, maxLength: 3 }),
        (half, each, offsets) => {
          const shape = [each * offsets.length, 2 * half]
          const normal = truncatedNormal(1)
          const [drawn, found] = [
            rowsOf(normal(key, shape)),
            rowsOf(offsetRotation(pairFrequencies(half), offsets, normal)(key, shape))
          ]
          const places = rowsOf(sinusoids(1)(key, [13, 2 * half]))
          drawn.forEach((row, i) => {
            const offset = offsets[Math.floor(i / each)]
            for (const p of [4, 8]) expect(dot(found[i], places[p + offset])).toBeCloseTo(dot(row, places[p]), 4)
          })
        }
      )
    )
  })

  it('has two columns for each frequency, and as many rows for each offset', () => {
    const wrong = { _tag: 'InvalidArgument', op: 'offsetRotation' }
    const of = (shape: ReadonlyArray<number>) =>
      faultOf(() => offsetRotation([1, 2], [-1, 1], truncatedNormal(1))(key, shape))
    expect(
      [
        [3, 4],
        [2, 6],
        [2, 3]
      ].map(of)
    ).toMatchObject([wrong, wrong, wrong])
  })
})

it('a choice has one 1 in each row', () => {
  expect(rowsOf(columnSelection([2, 0])(key, [2, 3]))).toEqual([
    [0, 0, 1],
    [1, 0, 0]
  ])
  expect(faultOf(() => columnSelection([2, 0])(key, [3, 3]))).toMatchObject({
    _tag: 'InvalidArgument',
    op: 'columnSelection'
  })
})
