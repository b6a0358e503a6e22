import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { jointDispatch } from '../../../../src/tensor/emit/wgsl/kernels.js'
import { gridOf } from '../../../../src/tensor/emit/wgsl/shader.js'
import type { Dispatch } from '../../../../src/tensor/program/gpu/dispatch.js'
import type { Epilogue } from '../../../../src/tensor/program/gpu/gpu-kernel.js'
import { sliced } from '../../../../src/tensor/program/gpu/slices.js'
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

/** How operands and result are stored. */
type Storages = { readonly left: Storage; readonly right: Storage; readonly out: Storage }

const halvesOf = (storages?: Storages): ReadonlySet<number> =>
  new Set([storages?.left, storages?.right, storages?.out].flatMap((storage, i) => (storage === 'f16' ? [i] : [])))

type Given = { readonly firstScratch?: number; readonly epilogue?: Epilogue; readonly halves?: ReadonlySet<number> }

/** The dispatches of a product by a tile, `firstScratch` and what follows being buffers of as many elements as `scratch` says. */
const dispatches = (
  contraction: Contraction,
  tile: Tile,
  within: ProductLimits,
  { firstScratch = 3, epilogue, halves }: Given = {}
): { readonly list: ReadonlyArray<Dispatch>; readonly scratch: ReadonlyArray<number> } => {
  const sizes: Array<number> = []
  const scratch = ({ size }: { readonly size: number }): number => firstScratch - 1 + sizes.push(size)
  const kernels = sliced({ _tag: 'contraction', contraction, left: 0, right: 1, out: 2, epilogue }, within, { scratch })
  return {
    list: kernels.map((kernel) =>
      jointDispatch([kernel], { workgroup: 64, products: within }, halves, kernel._tag === 'contraction' ? [tile] : [])
    ),
    scratch: sizes
  }
}

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
  const { list, scratch } = dispatches(contraction, tile, within, { firstScratch: 3 + buffers.length, epilogue })
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
  /** `(value + bias)^2 - 1 + residual`. Exact in f32, so that it can be compared with any order of the sums. */
  const squares = (n: number, keepsResult: boolean): Epilogue => {
    const load = (buffer: number, strides: ReadonlyArray<number>) =>
      ({ _tag: 'load', dtype: 'f32', buffer, at: { offset: 0, strides } }) as const
    const binary = (fn: 'add' | 'mul', x: number, y: number) => ({ _tag: 'binary', dtype: 'f32', fn, x, y }) as const
    const at = { offset: 0, strides: [5 * n, n, 1] }
    return {
      loop: {
        _tag: 'loop',
        extents: [2, 5, n],
        body: [
          load(2, at.strides),
          load(3, [0, 0, 1]),
          load(4, at.strides),
          binary('add', 0, 1),
          binary('mul', 3, 3),
          { _tag: 'constant', dtype: 'f32', value: -1 },
          binary('add', 4, 5),
          binary('add', 6, 2)
        ],
        stores: [{ buffer: 5, at, value: 7, combine: undefined, scatter: undefined }]
      },
      keepsResult
    }
  }

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
    expect(sizeOf(gridOf(0, 3))).toBe(0)
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
  const storages: ReadonlyArray<Storages | undefined> = [
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
        const { list } = dispatches(contraction, tile, within, { halves: halvesOf(stored) })
        // What needs more memory than the null backend has is only parsed.
        const { maxComputeWorkgroupStorageSize } = none.adapter.limits
        const make = fits(tile, { ...limits, maxComputeWorkgroupStorageSize }) ? pipelineOf : compiled
        for (const { shader } of list) await make(none.device, shader.code)
      }
  })

  it('read an operand as vectors where its strides and offset allow it', () => {
    const code = (change: Partial<Contraction>): string => {
      const contraction = { ...plain([], 8, 8, 8), ...change }
      return dispatches(contraction, small, limits).list[0].shader.code
    }
    expect(code({})).toContain('b0: array<vec4<f32>, 16>')
    expect(code({ left: { offset: 4, batch: [], row: 8, column: 1 } })).toContain('b0: array<vec4<f32>, 17>')
    expect(code({ left: { offset: 2, batch: [], row: 8, column: 1 } })).toContain('b0: array<vec2<f32>, 33>')
    expect(code({ left: { offset: 1, batch: [], row: 8, column: 1 } })).toContain('b0: array<f32, 65>')
    expect(code({ left: { offset: 0, batch: [], row: 1, column: 8 } })).toContain('b0: array<vec4<f32>, 16>')
    expect(code({ left: { offset: 0, batch: [], row: 10, column: 1 } })).toContain('b0: array<vec2<f32>, 39>')
    expect(code({ k: 6, left: { offset: 0, batch: [], row: 8, column: 1 } })).toContain('b0: array<vec2<f32>, 31>')
    expect(code({ left: { offset: 0, batch: [], row: 9, column: 1 } })).toContain('b0: array<f32, 71>')
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
          const { list, scratch } = dispatches(
            contraction,
            { ...small, via },
            { ...within, precision: 'mixed' },
            { halves: halvesOf(stored) }
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
    const { list } = dispatches(contraction, small, limits, {
      halves: halvesOf({ left: 'f32', right: 'f16', out: 'f16' })
    })
    const contents = [Float32Array.from(special), asHalves([1]), new Uint16Array(special.length)]
    const bytes = await (await dispatching()).run(list, contents, 2)
    expect(Array.from(new Uint16Array(bytes, 0, special.length), halfOfBits)).toEqual(special.map(roundedToHalf))
  })
})
