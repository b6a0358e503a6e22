import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { jointDispatch } from '../../../../src/tensor/emit/wgsl/kernels.js'
import type { Dispatch } from '../../../../src/tensor/program/gpu/dispatch.js'
import type { GpuKernel, GpuProduct } from '../../../../src/tensor/program/gpu/gpu-kernel.js'
import { sliced } from '../../../../src/tensor/program/gpu/slices.js'
import {
  bigGpuSplit,
  gpuTiles,
  matrixTile,
  slicesOf,
  threadsOf,
  type ProductLimits,
  type Tile
} from '../../../../src/tensor/program/gpu/tiles.js'
import type { Contraction } from '../../../../src/tensor/program/kernel.js'
import { cases, excess, hundredths, resultSize, type Case } from '../../run/multipliers/contractions.js'
import { itOnWebGpu } from '../../run/multipliers/webgpu.js'
import { compiled } from '../../run/webgpu/dispatcher.js'
import { openNull, type TestGpu } from '../../run/webgpu/gpu.js'
import { dispatcherForFile } from './on-gpu.js'

const small: Tile = {
  via: 'staged',
  rows: 8,
  columns: 8,
  depth: 4,
  threadRows: 4,
  threadColumns: 4,
  prefetch: false
}

/** Of four threads each, with different needs of workgroup memory. */
const tiles: ReadonlyArray<Tile> = [
  small,
  { ...small, prefetch: true, depth: 8 },
  { ...small, rows: 4, columns: 16 },
  { ...small, via: 'registers' }
]

const limits: ProductLimits = {
  maxComputeWorkgroupsPerDimension: 65_535,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupStorageSize: 32_768,
  isSoftware: false,
  precision: 'float32',
  matrices: false,
  split: bigGpuSplit
}

/** Sums of six terms and more are cut where the result has few elements, and grids of more than five workgroups folded. */
const cutting: ProductLimits = {
  ...limits,
  maxComputeWorkgroupsPerDimension: 5,
  split: { processors: 64, outputs: 32, terms: 3, unit: 1 }
}

const upTo = (max: number, unit: number): fc.Arbitrary<number> =>
  fc.integer({ min: 1, max: max / unit }).map((n) => n * unit)

const contractions = fc.constantFrom(1, 2, 4).chain((unit) =>
  cases(
    {
      batch: fc.array(upTo(2, 1), { maxLength: 1 }),
      m: upTo(12, unit),
      n: upTo(20, unit),
      k: upTo(16, unit),
      unit
    },
    hundredths
  )
)

type Subject = { readonly known: Case; readonly tile: Tile }

const subjects: fc.Arbitrary<ReadonlyArray<Subject>> = fc.array(
  fc.record({ known: contractions, tile: fc.constantFrom(...tiles) }),
  { minLength: 2, maxLength: 3 }
)

/** Products in buffers 3 i to 3 i + 2, and their partial results behind them. */
const kernelsOf = (of: ReadonlyArray<Subject>, within: ProductLimits) => {
  const sizes: Array<number> = []
  const scratch = ({ size }: { readonly size: number }): number => 3 * of.length - 1 + sizes.push(size)
  const kernels = of.map(({ known: { contraction } }, i) =>
    sliced({ _tag: 'contraction', contraction, left: 3 * i, right: 3 * i + 1, out: 3 * i + 2 }, within, { scratch })
  )
  return { kernels, sizes }
}

describe('products in one launch', () => {
  const dispatcher = dispatcherForFile()

  const dispatch = (
    kernels: ReadonlyArray<GpuKernel>,
    within: ProductLimits,
    tilesOf: ReadonlyArray<Tile>
  ): ReadonlyArray<Dispatch> =>
    kernels.length === 0 ? [] : [jointDispatch(kernels, { workgroup: 4, products: within }, undefined, tilesOf)]

  itOnWebGpu(
    'have the bits that each has by itself, of any shapes, by different tiles, and so have the slices of their sums',
    async () => {
      const on = await dispatcher()
      await fc.assert(
        fc.asyncProperty(subjects, fc.constantFrom(limits, cutting), async (of, within) => {
          const { kernels, sizes } = kernelsOf(of, within)
          const contents = [
            ...of.flatMap(({ known: { contraction, left, right } }) => [
              left,
              right,
              new Float32Array(resultSize(contraction)).fill(NaN)
            ]),
            ...sizes.map((size) => new Float32Array(size).fill(NaN))
          ]
          const outs = of.map((_, i) => 3 * i + 2)
          const alone = kernels.flatMap(([product, ...rest], i) => [
            ...dispatch([product], within, [of[i].tile]),
            ...rest.flatMap((kernel) => dispatch([kernel], within, []))
          ])
          const together = [
            ...dispatch(
              kernels.map(([product]) => product),
              within,
              of.map(({ tile }) => tile)
            ),
            ...dispatch(
              kernels.flatMap(([, ...rest]) => rest),
              within,
              []
            )
          ]
          const [wanted, found] = [
            await on.runAll(alone, contents, outs),
            await on.runAll(together, contents, outs)
          ].map((all) => all.map((bytes, i) => new Float32Array(bytes, 0, resultSize(of[i].known.contraction))))
          expect(found).toEqual(wanted)
          of.forEach(({ known }, i) => expect(excess(known, found[i])).toBeLessThanOrEqual(0))
        }),
        { numRuns: 5, endOnFailure: true }
      )
    }
  )

  itOnWebGpu('add up slices first to last', async () => {
    const on = await dispatcher()
    const contraction = plain(6, 8, 30)
    const { count, length } = slicesOf(contraction, cutting)
    expect(count).toBeGreaterThan(4)
    const of = [{ known: filled(contraction), tile: small }]
    const { kernels, sizes } = kernelsOf(of, cutting)
    const [{ known }] = of
    const size = resultSize(contraction)
    const contents = [known.left, known.right, new Float32Array(size), new Float32Array(sizes[0])]
    const list = kernels[0].flatMap((kernel) =>
      dispatch([kernel], cutting, kernel._tag === 'contraction' ? [small] : [])
    )
    const [out, partials] = (await on.runAll(list, contents, [2, 3])).map((bytes) => new Float32Array(bytes))
    const summed = new Float32Array(size).map((_, i) => {
      let sum = 0
      for (let c = 0; c < count; c++) sum = Math.fround(sum + partials[c * size + i])
      return sum
    })
    expect(out).toEqual(summed)
    // Each slice is the product of its own terms.
    for (let c = 0; c < count; c++) {
      const [from, to] = [c * length, Math.min(30, (c + 1) * length)]
      const part: Contraction = {
        ...contraction,
        k: to - from,
        left: { ...contraction.left, offset: from },
        right: { ...contraction.right, offset: 8 * from }
      }
      expect(excess({ ...known, contraction: part }, partials.slice(c * size, (c + 1) * size))).toBeLessThanOrEqual(0)
    }
  })

  itOnWebGpu('bind a matrix that they share once where they see it alike, and else twice', async () => {
    const on = await dispatcher()
    const contraction = plain(8, 8, 8)
    const odd: Contraction = { ...contraction, left: { ...contraction.left, offset: 1 } }
    const of = (second: Contraction): ReadonlyArray<GpuProduct> => [
      { _tag: 'contraction', contraction, left: 0, right: 1, out: 2 },
      { _tag: 'contraction', contraction: second, left: 0, right: 1, out: 3 }
    ]
    const made = [contraction, odd].map((second) => dispatch(of(second), limits, [small, small]))
    expect(made.map(([{ buffers }]) => buffers)).toEqual([
      [0, 1, 2, 3],
      [0, 1, 2, 0, 3]
    ])
    const known = { ...filled(odd), left: wave(128) }
    for (const [i, second] of [contraction, odd].entries()) {
      const contents = [known.left, known.right, new Float32Array(64), new Float32Array(64)]
      const [first, other] = (await on.runAll(made[i], contents, [2, 3])).map((bytes) => new Float32Array(bytes))
      expect(excess({ ...known, contraction }, first)).toBeLessThanOrEqual(0)
      expect(excess({ ...known, contraction: second }, other)).toBeLessThanOrEqual(0)
    }
    // As much of it as the one needs that needs most.
    const tall = plain(16, 8, 8)
    for (const both of [
      [contraction, tall],
      [tall, contraction]
    ]) {
      const list = dispatch(
        both.map((one, i): GpuProduct => ({ _tag: 'contraction', contraction: one, left: 0, right: 1, out: 2 + i })),
        limits,
        [small, small]
      )
      const contents = [known.left, known.right, ...both.map((one) => new Float32Array(resultSize(one)))]
      const found = (await on.runAll(list, contents, [2, 3])).map((bytes) => new Float32Array(bytes))
      both.forEach((one, i) => expect(excess({ ...known, contraction: one }, found[i])).toBeLessThanOrEqual(0))
    }
  })
})

/** All rows and columns dense. */
const plain = (m: number, n: number, k: number): Contraction => ({
  ...{ batch: [], m, n, k },
  left: { offset: 0, batch: [], row: k, column: 1 },
  right: { offset: 0, batch: [], row: n, column: 1 }
})

const wave = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => ((i * 37) % 101) / 50 - 1)

const filled = (contraction: Contraction): Case => ({
  contraction,
  left: wave(contraction.left.offset + contraction.m * contraction.k),
  right: wave(contraction.right.offset + contraction.n * contraction.k)
})

describe('shaders of several products', () => {
  let none: TestGpu
  beforeAll(async () => {
    none = await openNull()
  })
  afterAll(() => none.release())

  const counts = [...new Set([...gpuTiles, matrixTile].map(threadsOf))]

  it.each(counts)('compile for all tiles of %i threads at once, with what ends a sum', async (threads) => {
    const those = [...gpuTiles, matrixTile].filter((tile) => threadsOf(tile) === threads)
    const products = those.map((_, i): GpuProduct => ({
      _tag: 'contraction',
      contraction: plain(130, 64, 4096),
      left: 0,
      right: 1,
      out: 2 + i,
      slices: { count: 8, length: 512 }
    }))
    const finish = sliced(
      { _tag: 'contraction', contraction: plain(64, 64, 4096), left: 0, right: 1, out: 20 },
      limits,
      { scratch: () => 21 }
    )[1]
    const { shader } = jointDispatch([...products, finish], { workgroup: 128, products: limits }, undefined, those)
    // There are more tiles than a pipeline has bindings for.
    await compiled(none.device, shader.code)
  })
})
