import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defaultPartitionLimits, partsFor } from '../../../../src/tensor/program/partition/limits.js'

describe('the parts of work', () => {
  it('are one for little, and never more for less', () => {
    const limits = { ...defaultPartitionLimits, partBytes: 2 ** 22, mostParts: 5 }
    expect([0, 2 ** 23 - 1, 2 ** 23, 2 ** 30].map((bytes) => partsFor(bytes, limits))).toEqual([1, 1, 2, 5])
    fc.assert(
      fc.property(fc.nat(2 ** 30), fc.nat(2 ** 30), (a, b) => {
        expect(partsFor(Math.min(a, b), limits)).toBeLessThanOrEqual(partsFor(Math.max(a, b), limits))
      })
    )
  })
})
