import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bigGpuSplit,
  chooseTile,
  chooseTiles,
  fits,
  gpuTiles,
  matrixTile,
  rivalsFor,
  slicesOf,
  softwareSplit,
  softwareTiles,
  threadsOf,
  tilesFor,
  workgroupBytes,
  type ProductLimits
} from '../../../../src/tensor/program/gpu/tiles.js'
import type { Contraction } from '../../../../src/tensor/program/kernel.js'
import { sizeOf } from '../../../../src/tensor/shape.js'

const plain = (batch: ReadonlyArray<number>, m: number, n: number, k: number): Contraction => ({
  ...{ batch, m, n, k },
  left: { offset: 0, batch: batch.map(() => m * k), row: k, column: 1 },
  right: { offset: 0, batch: batch.map(() => k * n), row: n, column: 1 }
})

const limits: ProductLimits = {
  maxComputeWorkgroupsPerDimension: 65_535,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupStorageSize: 32_768,
  isSoftware: false,
  precision: 'float32',
  matrices: false,
  split: bigGpuSplit
}

const extent = fc.integer({ min: 1, max: 40 })

const contractions = fc
  .tuple(fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }), extent, extent, fc.integer({ min: 1, max: 400 }))
  .map((sizes) => plain(...sizes))

const rules = fc.record({
  processors: fc.integer({ min: 0, max: 20 }),
  outputs: fc.integer({ min: 1, max: 400 }),
  terms: fc.integer({ min: 1, max: 60 }),
  unit: fc.integer({ min: 1, max: 9 })
})

describe('slices of a sum', () => {
  it('cover it, none of them empty, all but the last of a multiple of the unit', () => {
    fc.assert(
      fc.property(contractions, rules, (contraction, split) => {
        const { count, length } = slicesOf(contraction, { split })
        expect(count * length).toBeGreaterThanOrEqual(contraction.k)
        expect((count - 1) * length).toBeLessThan(contraction.k)
        if (count > 1) expect(length % split.unit).toBe(0)
      })
    )
  })

  it('are of no fewer terms than asked for, and one where the result keeps every processor busy', () => {
    fc.assert(
      fc.property(contractions, rules, (contraction, split) => {
        const { count, length } = slicesOf(contraction, { split })
        const { batch, m, n } = contraction
        if (count > 1) expect(length).toBeGreaterThanOrEqual(split.terms)
        if (sizeOf(batch) * m * n >= split.processors * split.outputs) expect(count).toBe(1)
      })
    )
  })

  it('are 32 of 512 for the gradient of a weight of 256 by 256 over 16,384 rows', () => {
    expect(slicesOf(plain([], 256, 256, 16_384), limits)).toEqual({ count: 32, length: 512 })
  })

  it('are one for a forward product, and on a CPU', () => {
    expect(slicesOf(plain([], 16_384, 256, 1024), limits)).toEqual({ count: 1, length: 1024 })
    expect(slicesOf(plain([], 256, 256, 16_384), { split: softwareSplit })).toEqual({ count: 1, length: 16_384 })
  })
})

describe('a tile', () => {
  const all = [...gpuTiles, ...softwareTiles, matrixTile]

  it.each(all.map((tile) => [Object.values(tile).join(' '), tile] as const))('%s is of whole blocks', (_, tile) => {
    const { rows, columns, depth, threadRows, threadColumns } = tile
    for (const size of [rows, columns, depth, threadRows, threadColumns]) expect(size % 4).toBe(0)
    expect([rows % threadRows, columns % threadColumns]).toEqual([0, 0])
    expect(fits(tile, limits)).toBe(true)
  })

  it('does not fit where its threads or its memory are more than there are', () => {
    const [tile] = gpuTiles
    const [threads, bytes] = [threadsOf(tile), workgroupBytes(tile)]
    const within = (maxComputeInvocationsPerWorkgroup: number, maxComputeWorkgroupStorageSize: number): boolean =>
      fits(tile, { ...limits, maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupStorageSize })
    expect([within(threads, bytes), within(threads - 1, bytes), within(threads, bytes - 1)]).toEqual([
      true,
      false,
      false
    ])
  })

  it('is chosen among those that fit, so large that every processor has one where there are so many', () => {
    fc.assert(
      fc.property(contractions, fc.constantFrom(4096, 16_384, 32_768), (contraction, bytes) => {
        const here = { ...limits, maxComputeWorkgroupStorageSize: bytes }
        const tile = chooseTile(contraction, here)
        expect(fits(tile, here)).toBe(true)
        expect(tilesFor(contraction, here).length > 0 ? tilesFor(contraction, here) : softwareTiles).toContain(tile)
      })
    )
  })

  it('is of matrices wherever there are any and precision is mixed, and only there', () => {
    fc.assert(
      fc.property(
        contractions,
        fc.boolean(),
        fc.constantFrom('float32' as const, 'mixed' as const),
        (contraction, matrices, precision) => {
          const here = { ...limits, matrices, precision }
          const isOf = matrices && precision === 'mixed'
          for (const tile of [...tilesFor(contraction, here), chooseTile(contraction, here)])
            expect(tile.via === 'matrices').toBe(isOf)
        }
      )
    )
  })

  it('is 128 by 128 for large products, smaller for small ones, and without workgroup memory on a CPU', () => {
    expect(chooseTile(plain([], 4096, 4096, 256), limits)).toEqual(gpuTiles[0])
    expect(chooseTile(plain([], 128, 128, 256), limits)).toEqual(gpuTiles.at(-1))
    expect(chooseTile(plain([], 4096, 4096, 256), { ...limits, isSoftware: true })).toEqual(softwareTiles[0])
  })

  it.each([
    [20, 4096, [4, 256]],
    [4096, 20, [256, 4]],
    [8, 128, [8, 128]],
    [16, 4096, [16, 64]],
    [33, 33, [16, 64]],
    [1, 1, [32, 32]]
  ])('is on a CPU the one that computes least beyond the edges of %i by %i: %j', (m, n, [rows, columns]) => {
    expect(chooseTile(plain([], m, n, 64), { ...limits, isSoftware: true })).toMatchObject({ rows, columns })
  })
})

describe('tiles of products that run at once', () => {
  const any = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 5000 }))
  const sized = fc.tuple(any, any, any).map(([m, n, k]) => plain([], m, n, k))
  const several = fc.array(sized, { minLength: 1, maxLength: 5 })
  const within = fc
    .tuple(fc.constantFrom(128, 256), fc.constantFrom(4096, 12_000, 16_384, 32_768), fc.boolean())
    .map(([threads, bytes, isSoftware]) => ({
      ...limits,
      maxComputeInvocationsPerWorkgroup: threads,
      maxComputeWorkgroupStorageSize: bytes,
      isSoftware
    }))

  it('are of one number of threads, one for each, and fit', () => {
    fc.assert(
      fc.property(several, within, (all, here) => {
        const tiles = chooseTiles(all, here)
        expect(tiles).toHaveLength(all.length)
        expect(new Set(tiles.map(threadsOf)).size).toBe(1)
        for (const tile of tiles) expect(fits(tile, here)).toBe(true)
      })
    )
  })

  it('are those of the largest product where it is alone', () => {
    fc.assert(
      fc.property(sized, within, (contraction, here) => {
        expect(chooseTiles([contraction], here)).toEqual([chooseTile(contraction, here)])
      })
    )
    expect(chooseTiles([plain([], 64, 64, 512), plain([], 4096, 4096, 256)], limits)[1]).toEqual(gpuTiles[0])
  })

  it('are raced, of every number of threads some, and what is worth it alone', () => {
    fc.assert(
      fc.property(several, within, (all, here) => {
        const rivals = all.map((contraction) => rivalsFor(contraction, here))
        const counts = rivals.map((list) => new Set(list.map(threadsOf)))
        counts.forEach((count) => expect(count).toEqual(counts[0]))
        all.forEach((contraction, i) =>
          expect(rivals[i]).toEqual(expect.arrayContaining([...tilesFor(contraction, here)]))
        )
        rivals.flat().forEach((tile) => expect(fits(tile, here)).toBe(true))
      })
    )
  })
})
