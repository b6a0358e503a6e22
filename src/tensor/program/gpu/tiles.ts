/**
 * How a contraction is cut for a GPU: the tile of the result that a workgroup computes, and the slices that its sum is cut into.
 *
 * A tile is a choice of speed, to be raced; the slices decide in which order terms are added, so they follow from the shape
 * by a rule and are the same for every tile.
 */

import { sizeOf } from '../../shape.js'
import type { Contraction } from '../kernel.js'
import type { Precision } from './storages.js'

/**
 * What one workgroup computes. All sizes are multiples of 4, of `matrixUnit` where subgroups multiply.
 *
 * Each thread keeps `threadRows * threadColumns` sums of a tile of `rows * columns`, and a turn of the loop adds `depth`
 * terms to each.
 *
 * - `staged`: both operands pass through workgroup memory. With `prefetch` the next turn's are loaded while this one's are multiplied.
 * - `registers`: each thread loads what it needs from storage: for adapters on which barriers are dear.
 * - `matrices`: operands pass through workgroup memory in f16, and subgroups multiply them as matrices of `unit` by `unit`
 *   (experimental, where the adapter lists that size). Of the result a subgroup computes `threadRows * threadColumns`.
 */
export type Tile = {
  readonly via: 'staged' | 'registers' | 'matrices'
  readonly rows: number
  readonly columns: number
  readonly depth: number
  readonly threadRows: number
  readonly threadColumns: number
  readonly prefetch: boolean
}

/** Rows and columns of one subgroup matrix, and the threads of a subgroup: what NVIDIA's tensor cores take. */
export const matrixUnit = 16
export const subgroupThreads = 32

/**
 * When a sum is cut: where the result has less than `outputs * processors` elements, into as many slices as make it so, but none
 * of less than `terms`, and all of a multiple of `unit`.
 */
export type SplitRule = {
  readonly processors: number
  readonly outputs: number
  readonly terms: number
  readonly unit: number
}

/** What of an adapter's limits decides about products. */
export type ProductLimits = {
  readonly maxComputeWorkgroupsPerDimension: number
  readonly maxComputeInvocationsPerWorkgroup: number
  readonly maxComputeWorkgroupStorageSize: number
  /** Whether it computes on the CPU. */
  readonly isSoftware: boolean
  readonly precision: Precision
  /** Whether subgroups multiply matrices of f16. */
  readonly matrices: boolean
  readonly split: SplitRule
}

/** For a card of 132 processors, each of which is busy with a tile of 128 by 128. */
export const bigGpuSplit: SplitRule = { processors: 132, outputs: 128 * 128, terms: 512, unit: 32 }

/** A CPU is busy with any product. */
export const softwareSplit: SplitRule = { ...bigGpuSplit, processors: 0 }

/** A sum of `k` terms in `count` slices of `length` terms, the last of which may be shorter. */
export type Slices = { readonly count: number; readonly length: number }

const roundUp = (n: number, unit: number): number => Math.ceil(n / unit) * unit

export const slicesOf = ({ batch, m, n, k }: Contraction, { split }: Pick<ProductLimits, 'split'>): Slices => {
  const wanted = Math.round((split.processors * split.outputs) / (sizeOf(batch) * m * n))
  const count = Math.min(wanted, Math.floor(k / split.terms))
  if (count < 2) return { count: 1, length: k }
  const length = roundUp(Math.ceil(k / count), split.unit)
  return { count: Math.ceil(k / length), length }
}

export const threadsOf = ({ via, rows, columns, threadRows, threadColumns }: Tile): number =>
  (rows / threadRows) * (columns / threadColumns) * (via === 'matrices' ? subgroupThreads : 1)

/** Vectors of four elements of an operand's tile: `depth` rows of `extent / 4`, and of padding so that columns fall into other banks. */
export const stagedRow = (extent: number): number => extent / 4 + 1

/** Bytes of workgroup memory. */
export const workgroupBytes = ({ via, rows, columns, depth }: Tile): number => {
  switch (via) {
    case 'staged':
      return 16 * depth * (stagedRow(rows) + stagedRow(columns))
    case 'registers':
      return 0
    case 'matrices':
      return 2 * depth * (rows + columns) + 4 * rows * columns
  }
}

export const fits = (tile: Tile, limits: ProductLimits): boolean =>
  threadsOf(tile) <= limits.maxComputeInvocationsPerWorkgroup &&
  workgroupBytes(tile) <= limits.maxComputeWorkgroupStorageSize

const staged = (
  rows: number,
  columns: number,
  depth: number,
  threadRows: number,
  threadColumns: number,
  prefetch: boolean
): Tile => ({ via: 'staged', rows, columns, depth, threadRows, threadColumns, prefetch })

/** Of 64 threads, `high` of them below each other, each with its own rectangle of the result. */
const registers = (threadRows: number, threadColumns: number, high = 8): Tile => ({
  via: 'registers',
  rows: high * threadRows,
  columns: (64 / high) * threadColumns,
  depth: 4,
  threadRows,
  threadColumns,
  prefetch: false
})

/** The tiles to race on a GPU, largest first. */
export const gpuTiles: ReadonlyArray<Tile> = [
  staged(128, 128, 16, 8, 8, true),
  staged(128, 128, 8, 8, 8, true),
  staged(128, 128, 8, 8, 8, false),
  staged(128, 64, 16, 8, 8, true),
  staged(64, 128, 16, 8, 8, true),
  staged(64, 64, 16, 8, 4, true),
  staged(64, 64, 16, 4, 4, false),
  staged(32, 64, 16, 4, 4, true)
]

/** Of 16 results a thread: the square first, then ever flatter and ever higher ones, for results of few rows or columns. */
const softwareShapes: ReadonlyArray<Tile> = [8, 4, 2, 1, 16, 32, 64].map((high) => registers(4, 4, high))

/** The tiles to race where barriers are dear. */
export const softwareTiles: ReadonlyArray<Tile> = [...softwareShapes, registers(4, 8), registers(8, 8)]

/** For adapters with subgroup matrices: four subgroups of 32 by 32 each. */
export const matrixTile: Tile = {
  via: 'matrices',
  rows: 64,
  columns: 64,
  depth: 32,
  threadRows: 32,
  threadColumns: 32,
  prefetch: false
}

/**
 * All that fit: where none with workgroup memory does, registers alone. Matrices add up in an order of their own, so they never race
 * against others: with mixed precision they are taken wherever there are any.
 */
const fitting = (limits: ProductLimits): ReadonlyArray<Tile> => {
  if (limits.precision === 'mixed' && limits.matrices && fits(matrixTile, limits)) return [matrixTile]
  const those = [...(limits.isSoftware ? softwareTiles : gpuTiles)].filter((tile) => fits(tile, limits))
  return those.length > 0 ? those : softwareTiles.slice(0, 1)
}

/** The tiles worth racing for a contraction: those that fit, and of which none is mostly beyond the edge of the result. */
export const tilesFor = ({ m, n }: Contraction, limits: ProductLimits): ReadonlyArray<Tile> => {
  const all = fitting(limits)
  const filled = all.filter(({ rows, columns }) => rows < 2 * m && columns < 2 * n)
  return filled.length > 0 ? filled : all.slice(-1)
}

/** The same, of a number of threads. There are always some, where any tile of so many threads fits. */
export const tilesOf = (contraction: Contraction, threads: number, limits: ProductLimits): ReadonlyArray<Tile> => {
  const isOf = (tile: Tile): boolean => threadsOf(tile) === threads
  const worth = tilesFor(contraction, limits).filter(isOf)
  return worth.length > 0 ? worth : fitting(limits).filter(isOf).slice(-1)
}

/** The largest of some tiles with which every processor has a workgroup, or the smallest. */
const largest = (contraction: Contraction, tiles: ReadonlyArray<Tile>, limits: ProductLimits): Tile => {
  const { batch, m, n } = contraction
  const { count } = slicesOf(contraction, limits)
  const workgroups = ({ rows, columns }: Tile): number =>
    sizeOf(batch) * count * Math.ceil(m / rows) * Math.ceil(n / columns)
  return tiles.find((tile) => workgroups(tile) >= limits.split.processors) ?? tiles[tiles.length - 1]
}

/** Elements that some tiles compute, those beyond the edges of the result among them. */
const computed = ({ m, n }: Contraction, { rows, columns }: Tile): number => roundUp(m, rows) * roundUp(n, columns)

/** Of tiles with equally many results the one that computes least beyond the edges, the first of equals. */
const tightest = (contraction: Contraction): Tile =>
  softwareShapes.reduce((found, tile) => (computed(contraction, tile) < computed(contraction, found) ? tile : found))

/**
 * A sensible tile without a race: the largest with which every processor has a workgroup, or the smallest; on a CPU, whose processors
 * are few, the one that fills the result best. Where no tile with workgroup memory fits, registers alone.
 */
export const chooseTile = (contraction: Contraction, limits: ProductLimits): Tile =>
  limits.isSoftware && !limits.matrices
    ? tightest(contraction)
    : largest(contraction, tilesFor(contraction, limits), limits)

/**
 * The tiles to race for a contraction: those worth it, and at least one of each number of threads, for company that has so many. What would be
 * taken without a race comes first, so that it is what equal times leave.
 */
export const rivalsFor = (contraction: Contraction, limits: ProductLimits): ReadonlyArray<Tile> => {
  const chosen = chooseTile(contraction, limits)
  const counts = new Set([chosen, ...fitting(limits)].map(threadsOf))
  return [...counts].flatMap((threads) => {
    const tiles = tilesOf(contraction, threads, limits)
    const first = threads === threadsOf(chosen) ? chosen : largest(contraction, tiles, limits)
    return [first, ...tiles.filter((tile) => tile !== first)]
  })
}

const arithmetic = ({ batch, m, n, k }: Contraction): number => sizeOf(batch) * m * n * k

/** The same of products that run at once, which have workgroups of one size: the one that the product with most arithmetic would have. */
export const chooseTiles = (contractions: ReadonlyArray<Contraction>, limits: ProductLimits): ReadonlyArray<Tile> => {
  if ((limits.isSoftware && !limits.matrices) || contractions.length < 2)
    return contractions.map((one) => chooseTile(one, limits))
  const most = contractions.reduce((found, one) => (arithmetic(one) > arithmetic(found) ? one : found))
  const threads = threadsOf(chooseTile(most, limits))
  return contractions.map((one) => largest(one, tilesOf(one, threads, limits), limits))
}
