/**
 * Kernels of a GPU, as plain data: a fused loop becomes one or several of them, which hand partial results on in buffers.
 *
 * An invocation computes an element or some elements of a row, and no two write to one place: what is combined across rows is
 * first combined by each that holds some of them, into a place of its own, and finished by a kernel of its own, always in one order.
 */

import type { DType } from '../../dtype.js'
import type { Reduction } from '../../elementwise.js'
import type { Shape } from '../../shape.js'
import type { FusedLoop, FusedStep } from '../fused.js'
import { readsOf, type Affine, type Product, type Random } from '../kernel.js'
import type { Slices } from './tiles.js'

/** Every point of a nest by itself: its loop has no folds, and its stores neither combine nor scatter. */
export type MapKernel = { readonly _tag: 'map'; readonly loop: FusedLoop }

/** A value that is combined over the rows of a chunk. */
export type Accumulation = {
  readonly value: number
  readonly fn: Reduction
  readonly buffer: number
  /** Over all axes of the loop, of which the reduced ones do not move it; chunk `c` writes `c * size` further. */
  readonly at: Affine
  readonly size: number
}

/**
 * Row by row, several invocations a row. `loop.extents` are the axes that are kept, then those that are reduced, then the row;
 * `loop.stores` combine nothing.
 */
export type RowKernel = {
  readonly _tag: 'row'
  readonly loop: FusedLoop
  readonly accumulations: ReadonlyArray<Accumulation>
  /** How many of the axes are kept. */
  readonly kept: number
  /** Into how many chunks the rows of one place of the kept axes are cut, and how many rows a chunk has at most. */
  readonly chunks: number
  readonly chunkRows: number
  /** Invocations that share a row, a power of two, and how many rows are side by side in a workgroup. */
  readonly lanes: number
  readonly rows: number
  /** Whether the elements of an invocation are written out one by one, and so remembered from walk to walk. */
  readonly isUnrolled: boolean
}

/** What is done next with each element of a result. */
export type Epilogue = {
  /** A map over the result in its row-major order: what it loads of `out` is what has been computed. */
  readonly loop: FusedLoop
  /** Whether others read the result, too. */
  readonly keepsResult: boolean
}

/**
 * `out[at(x)] = combine over c of partials[c * size + from(x)]`, chunks in ascending order within each lane, lanes as a tree. Only what is
 * written in its order, and by one lane an element, has an epilogue.
 */
export type FinishKernel = {
  readonly _tag: 'finish'
  readonly fn: Reduction
  readonly dtype: DType
  readonly partials: number
  readonly chunks: number
  readonly size: number
  readonly extents: Shape
  readonly from: Affine
  readonly out: number
  readonly at: Affine
  readonly lanes: number
  readonly epilogue?: Epilogue
}

/**
 * Where the indices of a scatter recur. Of each of `points` points three words: the next point of its block of `block` with the same
 * index, the first such point of a later block (`points` where there is none), and what it is: `absent`, `follower`, `leader`, `first`.
 */
export type LinksKernel = {
  readonly _tag: 'links'
  readonly indices: number
  readonly links: number
  readonly points: number
  readonly block: number
  /** Indices outside `[0, extent)` are absent. */
  readonly extent: number
}

/** What a point is to those with its index: out of range, after another of its block, the first of its block, the first of all. */
export const roles = { absent: 0, follower: 1, leader: 2, first: 3 } as const

/** The sum of a value over the points of a block with one index, for every leader of a block: `sums[point * inner + x]`. */
export type GatheredSumsKernel = {
  readonly _tag: 'gatheredSums'
  /** The axes of the points, then the others; its one store says what is added. */
  readonly extents: Shape
  readonly pointAxes: number
  readonly body: ReadonlyArray<FusedStep>
  readonly value: number
  readonly links: number
  readonly sums: number
}

/** Adds the sums of all blocks for one index, at the first of its points: `out[at(x) + index * stride]`. */
export type SpreadKernel = {
  readonly _tag: 'spread'
  readonly dtype: DType
  readonly indices: number
  readonly links: number
  readonly sums: number
  readonly points: number
  /** Of the axes that are not the points'. */
  readonly extents: Shape
  readonly out: number
  readonly at: Affine
  readonly stride: number
}

/** A product, and what is done with each element of its result. */
export type GpuProduct = Product & {
  readonly epilogue?: Epilogue
  /** How its sum is cut: `out` then holds a result for each slice, one after the other. */
  readonly slices?: Slices
}

export type GpuKernel =
  MapKernel | RowKernel | FinishKernel | LinksKernel | GatheredSumsKernel | SpreadKernel | GpuProduct | Random

/** The buffers that a kernel reads and writes, each once. */
export type Uses = { readonly reads: ReadonlySet<number>; readonly writes: ReadonlySet<number> }

export const usesOf = (kernel: GpuKernel): Uses => {
  const uses = (reads: Iterable<number>, writes: Iterable<number>): Uses => ({
    reads: new Set(reads),
    writes: new Set(writes)
  })
  const stored = (loop: FusedLoop): ReadonlyArray<number> => loop.stores.map(({ buffer }) => buffer)
  /** Of what computes `out` from `reads`. */
  const ending = (reads: ReadonlyArray<number>, out: number, epilogue: Epilogue | undefined): Uses => {
    if (epilogue === undefined) return uses(reads, [out])
    const { loop, keepsResult } = epilogue
    const loads = readsOf(loop).filter((buffer) => buffer !== out)
    return uses([...reads, ...loads], [...(keepsResult ? [out] : []), ...stored(loop)])
  }
  switch (kernel._tag) {
    case 'map':
      return uses(readsOf(kernel.loop), stored(kernel.loop))
    case 'row':
      return uses(readsOf(kernel.loop), [...stored(kernel.loop), ...kernel.accumulations.map(({ buffer }) => buffer)])
    case 'finish':
      return ending([kernel.partials], kernel.out, kernel.epilogue)
    case 'links':
      return uses([kernel.indices], [kernel.links])
    case 'gatheredSums':
      return uses([kernel.links, ...readsOf({ _tag: 'loop', body: kernel.body })], [kernel.sums])
    case 'spread':
      return uses([kernel.indices, kernel.links, kernel.sums], [kernel.out])
    case 'contraction':
      return ending(readsOf(kernel), kernel.out, kernel.epilogue)
    case 'random':
      return uses(readsOf(kernel), [kernel.out])
  }
}

const meet = (a: ReadonlySet<number>, b: ReadonlySet<number>): boolean => [...a].some((buffer) => b.has(buffer))

/** Whether two kernels may not run in another order, or at once. */
export const depend = (a: Uses, b: Uses): boolean =>
  meet(a.writes, b.writes) || meet(a.writes, b.reads) || meet(a.reads, b.writes)
