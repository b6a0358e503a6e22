import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gridOf, tiledProduct, type Epilogue, type ProductBuffers } from '../../../../src/tensor/emit/wgsl/product.js'
import type { Contraction } from '../../../../src/tensor/program/kernel.js'
import {
  bigGpuSplit,
  fits,
  gpuTiles,
  matrixTile,
  softwareTiles,
  type ProductLimits,
  type Tile
} from '../../../../src/tensor/program/gpu/tiles.js'
import type { Storage } from '../../../../src/tensor/program/gpu/storages.js'
import { sizeOf } from '../../../../src/tensor/shape.js'
import { cases, excess, hundredths, naive, resultSize, type Case } from '../../run/multipliers/contractions.js'
import { itOnWebGpu, itWithHalves } from '../../run/multipliers/webgpu.js'
import { compiled, dispatcher, pipelineOf, type Dispatcher, type Words } from '../../run/webgpu/dispatcher.js'
import { asHalves, halfOfBits, roundedToHalf } from './halves.js'
import { openGpu, openNull, type TestGpu } from '../../run/webgpu/gpu.js'

/** Tiles so small that random matrices have several of them, and edges across them. */
const small: Tile = {
  via: 'staged',
  rows: 8,
  columns: 8,
  depth: 4,
  threadRows: 4,
  threadColumns: 4,
  prefetch: false
}

const tiles: ReadonlyArray<readonly [string, Tile]> = [
  ['a thread for each four by four', small],
  ['operands loaded a turn ahead', { ...small, prefetch: true, depth: 8 }],
  ['several rounds of loads a thread', { ...small, rows: 16, columns: 8, depth: 12, threadRows: 8, threadColumns: 8 }],
  ['more threads than loads', { ...small, rows: 4, columns: 16, threadRows: 4 }],
  ['registers alone', { ...small, via: 'registers' }],
  ['registers alone, eight by four', { ...small, via: 'registers', rows: 16, columns: 4, threadRows: 8 }]
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

const mixed: ProductLimits = { ...limits, precision: 'mixed' }

/** Sums of six terms and more are cut where the result has few elements, and grids of more than three workgroups folded. */
const cutting: ProductLimits = {
  ...limits,
  maxComputeWorkgroupsPerDimension: 3,
  split: { processors: 64, outputs: 32, terms: 3, unit: 1 }
}

const gpus: Array<TestGpu> = []

const device = async (): Promise<GPUDevice> => {
  if (gpus.length === 0) gpus.push(await openGpu(['shader-f16']))
  return gpus[0].device
}

let run: Dispatcher | undefined

const dispatching = async (): Promise<Dispatcher> => (run ??= dispatcher(await device()))

afterAll(() => gpus.forEach(({ release }) => release()))

type Extra = { readonly epilogue?: Epilogue; readonly buffers?: ReadonlyArray<Words> }

/** Buffers: the operands, the result, those of the epilogue, scratch. What is not written is NaN. */
const multiply = async (
  { contraction, left, right }: Case,
  tile: Tile,
  within: ProductLimits,
  { epilogue, buffers = [] }: Extra = {},
  wanted = 2
): Promise<Float32Array> => {
  const size = resultSize(contraction)
  const numbers: ProductBuffers = {
    left: 0,
    right: 1,
    out: 2,
    firstScratch: 3 + buffers.length,
    sizes: { left: left.length, right: right.length, out: size },
    epilogue
  }
  const { list, scratch } = tiledProduct(contraction, tile, numbers, within)
  const blank = (length: number): Float32Array => new Float32Array(length).fill(NaN)
  const contents = [left, right, blank(size), ...buffers, ...scratch.map(blank)]
  const bytes = await (await dispatching()).run(list, contents, wanted)
  return new Float32Array(bytes, 0, size)
}

const upTo = (max: number, unit: number): fc.Arbitrary<number> =>
  fc.integer({ min: 1, max: max / unit }).map((n) => n * unit)

/** Contractions of up to 20 by 20 by 20, in batches: odd ones, and ones of which elements come in pairs and in fours. */
const contractions = fc.constantFrom(1, 2, 4).chain((unit) =>
  cases(
    {
      batch: fc.array(upTo(3, 1), { maxLength: 2 }),
      m: upTo(20, unit),
      n: upTo(20, unit),
      k: upTo(20, unit),
      unit
    },
    hundredths
  )
)

describe.each(tiles)('a product by tiles with %s', (_, tile) => {
  itOnWebGpu('is the sum of products, whatever the strides, offsets and extents', () =>
    fc.assert(
      fc.asyncProperty(contractions, async (known) => {
        expect(excess(known, await multiply(known, tile, limits))).toBeLessThanOrEqual(0)
      }),
      { numRuns: 8 }
    )
  )

  itOnWebGpu('is the same sum when it is cut into slices, by a grid that is folded, the same bits every time', () =>
    fc.assert(
      fc.asyncProperty(contractions, async (known) => {
        const found = await multiply(known, tile, cutting)
        expect(excess(known, found)).toBeLessThanOrEqual(0)
        expect(await multiply(known, tile, cutting)).toEqual(found)
      }),
      { numRuns: 4 }
    )
  )
})

/** All rows and columns dense. */
const plain = (batch: ReadonlyArray<number>, m: number, n: number, k: number): Contraction => ({
  batch,
  m,
  n,
  k,
  left: { offset: 0, batch: batch.map(() => m * k), row: k, column: 1 },
  right: { offset: 0, batch: batch.map(() => k * n), row: n, column: 1 }
})

const wave = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => ((i * 37) % 101) / 50 - 1)

const filled = (contraction: Contraction): Case => ({
  contraction,
  left: wave(contraction.left.offset + contraction.m * contraction.k * sizeOf(contraction.batch)),
  right: wave(contraction.right.offset + contraction.n * contraction.k * sizeOf(contraction.batch))
})

describe('tiles that are raced', () => {
  itOnWebGpu('multiply with registers alone', async () => {
    const known = filled(plain([], 66, 70, 36))
    for (const tile of softwareTiles) expect(excess(known, await multiply(known, tile, limits))).toBeLessThanOrEqual(0)
  })
})

describe('a matrix whose rows are padded to fours', () => {
  itOnWebGpu('is read without the padding', async () => {
    const contraction = {
      ...plain([], 5, 6, 7),
      left: { offset: 0, batch: [], row: 8, column: 1 },
      right: { offset: 0, batch: [], row: 8, column: 1 }
    }
    const padded = (length: number, extent: number): Float32Array =>
      wave(length).map((x, i) => (i % 8 < extent ? x : Infinity))
    const known = { contraction, left: padded(40, 7), right: padded(56, 6) }
    for (const via of ['staged', 'registers'] as const)
      expect(excess(known, await multiply(known, { ...small, via }, limits))).toBeLessThanOrEqual(0)
  })
})

describe('an epilogue', () => {
  /** Exact in f32, so that it can be compared with any order of the sums. */
  const squares = (n: number, keepsResult: boolean): Epilogue => ({
    bindings: [
      { buffer: 3, access: 'read', name: 'bias', type: 'array<f32>' },
      { buffer: 4, access: 'read', name: 'residual', type: 'array<f32>' },
      { buffer: 5, access: 'write', name: 'made', type: 'array<f32>' }
    ],
    code: `fn squared(x: f32) -> f32 { return x * x; }
      fn epilogue(at: u32, value: f32) { made[at] = squared(value + bias[at % ${n}u]) - 1.0 + residual[at]; }`,
    keepsResult
  })

  const bounds = { ...limits.split, processors: 8, outputs: 32, terms: 3, unit: 1 }

  itOnWebGpu(
    'is told every element once, by its number, however the sum is cut, and the result is stored where it is kept',
    () =>
      fc.assert(
        fc.asyncProperty(
          fc.constantFrom(8, 10, 7),
          fc.constantFrom(limits, { ...limits, split: bounds }),
          fc.constantFrom<Tile['via']>('staged', 'registers'),
          fc.boolean(),
          async (n, within, via, keepsResult) => {
            const integers = (length: number, seed: number): Float32Array =>
              Float32Array.from({ length }, (_, i) => ((i * seed) % 7) - 3)
            const contraction = plain([2], 5, n, 9)
            const [left, right] = [integers(2 * 5 * 9, 11), integers(2 * 9 * n, 13)]
            const [bias, residual] = [integers(n, 5), integers(2 * 5 * n, 17)]
            const known = { contraction, left, right }
            const extra = { epilogue: squares(n, keepsResult), buffers: [bias, residual, new Float32Array(2 * 5 * n)] }
            const { sums } = naive(known)
            const found = await multiply(known, { ...small, via }, within, extra, 5)
            expect([...found]).toEqual([...sums.map((sum, at) => (sum + bias[at % n]) ** 2 - 1 + residual[at])])
            const kept = await multiply(known, { ...small, via }, within, extra)
            expect([...kept]).toEqual(keepsResult ? [...sums] : [...sums.map(() => NaN)])
          }
        ),
        { numRuns: 8 }
      )
  )
})

describe('a grid', () => {
  it('has at least as many workgroups as asked for, within the limit of every dimension, and few more', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 8, max: 12 }), (total, most) => {
        const grid = gridOf(total, most)
        const count = sizeOf(grid)
        expect(grid.every((extent) => extent >= 1 && extent <= most)).toBe(true)
        expect(count).toBeGreaterThanOrEqual(total)
        expect(count).toBeLessThan(total + grid[1] * grid[2])
      })
    )
  })
})

describe('a product of buffers that are too short', () => {
  it('is a mistake of whoever asks for it', () => {
    const sizes = { left: 11, right: 12, out: 9 }
    expect(() =>
      tiledProduct(plain([], 3, 3, 4), small, { left: 0, right: 1, out: 2, firstScratch: 3, sizes }, limits)
    ).toThrow('reaches 12 elements of a buffer of 11')
  })
})

describe('shaders', () => {
  let none: TestGpu
  beforeAll(async () => {
    none = await openNull()
    gpus.push(none)
  })

  const shapes = [
    plain([], 256, 256, 4096),
    plain([3], 70, 30_522, 33),
    { ...plain([], 129, 130, 68), left: { offset: 0, batch: [], row: 1, column: 129 } }
  ]
  const storages: ReadonlyArray<ProductBuffers['storages']> = [
    undefined,
    { left: 'f16', right: 'f16', out: 'f32' },
    { left: 'f32', right: 'f16', out: 'f16' }
  ]
  const all = [
    ...[...gpuTiles, ...softwareTiles].map((tile) => [tile, limits] as const),
    ...[gpuTiles[0], softwareTiles[0], matrixTile].map((tile) => [tile, mixed] as const)
  ]
  const named = all.map(
    ([tile, within]) => [`${Object.values(tile).join(' ')}, ${within.precision}`, tile, within] as const
  )

  it.each(named)('compile for tiles %s', async (_, tile, within) => {
    for (const contraction of shapes)
      for (const stored of within.precision === 'mixed' ? storages : [undefined]) {
        const size = 2 ** 24
        const sizes = { left: size, right: size, out: size }
        const buffers = { left: 0, right: 1, out: 2, firstScratch: 3, sizes, storages: stored }
        const { list } = tiledProduct(contraction, tile, buffers, within)
        // What needs more memory than the null backend has is only parsed.
        const { maxComputeWorkgroupStorageSize } = none.adapter.limits
        const make = fits(tile, { ...limits, maxComputeWorkgroupStorageSize }) ? pipelineOf : compiled
        for (const { shader } of list) await make(none.device, shader.code)
      }
  })

  it('read an operand as vectors where its strides and offset allow it', () => {
    const code = (change: Partial<Contraction>): string => {
      const contraction = { ...plain([], 8, 8, 8), ...change }
      const sizes = { left: 1000, right: 1000, out: 1000 }
      return tiledProduct(contraction, small, { left: 0, right: 1, out: 2, firstScratch: 3, sizes }, limits).list[0]
        .shader.code
    }
    expect(code({})).toContain('left: array<vec4<f32>, 16>')
    expect(code({ left: { offset: 4, batch: [], row: 8, column: 1 } })).toContain('left: array<vec4<f32>, 17>')
    expect(code({ left: { offset: 2, batch: [], row: 8, column: 1 } })).toContain('left: array<vec2<f32>, 33>')
    expect(code({ left: { offset: 1, batch: [], row: 8, column: 1 } })).toContain('left: array<f32, 65>')
    expect(code({ left: { offset: 0, batch: [], row: 1, column: 8 } })).toContain('left: array<vec4<f32>, 16>')
    expect(code({ left: { offset: 0, batch: [], row: 10, column: 1 } })).toContain('left: array<vec2<f32>, 39>')
    expect(code({ k: 6, left: { offset: 0, batch: [], row: 8, column: 1 } })).toContain('left: array<vec2<f32>, 31>')
    expect(code({ left: { offset: 0, batch: [], row: 9, column: 1 } })).toContain('left: array<f32, 71>')
  })
})

const roundedCase = ({ contraction, left, right }: Case): Case => ({
  contraction,
  left: left.map(roundedToHalf),
  right: right.map(roundedToHalf)
})

describe('operands in mixed precision', () => {
  itOnWebGpu(
    'are rounded to f16 where they are stored as f32, by every tile, and multiplied as those numbers are',
    () =>
      fc.assert(
        fc.asyncProperty(contractions, fc.constantFrom(limits, cutting), async (known, within) => {
          const wanted = await multiply(roundedCase(known), small, within)
          for (const tile of [small, { ...small, prefetch: true, depth: 8 }, { ...small, via: 'registers' as const }])
            expect(await multiply(known, tile, { ...within, precision: 'mixed' })).toEqual(wanted)
        }),
        { numRuns: 4 }
      )
  )

  const storages = fc.record({
    left: fc.constantFrom<Storage>('f32', 'f16'),
    right: fc.constantFrom<Storage>('f32', 'f16'),
    out: fc.constantFrom<Storage>('f32', 'f16')
  })

  itWithHalves('and the result may be stored as f16, in any mixture, cut or not', () =>
    fc.assert(
      fc.asyncProperty(
        contractions,
        storages,
        fc.constantFrom(limits, cutting),
        fc.constantFrom<Tile['via']>('staged', 'registers'),
        async (known, stored, within, via) => {
          const { contraction, left, right } = known
          const sums = await multiply(roundedCase(known), { ...small, via }, within)
          const sizes = { left: left.length, right: right.length, out: sums.length }
          const { list, scratch } = tiledProduct(
            contraction,
            { ...small, via },
            { left: 0, right: 1, out: 2, firstScratch: 3, sizes, storages: stored },
            { ...within, precision: 'mixed' }
          )
          const as = (storage: Storage, numbers: Float32Array): Words =>
            storage === 'f32' ? numbers : asHalves(numbers)
          const contents = [
            as(stored.left, left),
            as(stored.right, right),
            as(stored.out, new Float32Array(sums.length).fill(NaN)),
            ...scratch.map((length) => new Float32Array(length).fill(NaN))
          ]
          const bytes = await (await dispatching()).run(list, contents, 2)
          const found =
            stored.out === 'f32'
              ? [...new Float32Array(bytes, 0, sums.length)]
              : Array.from(new Uint16Array(bytes, 0, sums.length), halfOfBits)
          expect(found).toEqual([...(stored.out === 'f32' ? sums : sums.map(roundedToHalf))])
        }
      ),
      { numRuns: 8 }
    )
  )

  itWithHalves('and results are infinite where they are too large, and no number where they are none', async () => {
    const special = [1, 65_519, 65_520, -65_520, Infinity, -Infinity, NaN, 2 ** -24, 0]
    const contraction = plain([], special.length, 1, 1)
    const { list } = tiledProduct(
      contraction,
      small,
      {
        ...{ left: 0, right: 1, out: 2, firstScratch: 3 },
        sizes: { left: special.length, right: 1, out: special.length },
        storages: { left: 'f32', right: 'f16', out: 'f16' }
      },
      limits
    )
    const contents = [Float32Array.from(special), asHalves([1]), new Uint16Array(special.length)]
    const bytes = await (await dispatching()).run(list, contents, 2)
    expect(Array.from(new Uint16Array(bytes, 0, special.length), halfOfBits)).toEqual(special.map(roundedToHalf))
  })
})
