/**
 * What a device can do and what it finds dear: all that scheduling, fusing and planning know of whoever runs the kernels.
 *
 * Plain data that a device states. The same program with the same limits gives the same kernels. What a limit says of kernels
 * changes how values are computed, never which.
 */

import { bytesPerElement, type DType } from '../dtype.js'

/** What a loop takes for each element, in the time of a quick operation on a whole vector, such as an addition or a load. */
export type Costs = {
  /** A load of elements that do not lie side by side, when it is weighed whether to compute a value again. */
  readonly gathered: number
  /** A function, a division, or a lookup. */
  readonly dear: number
  /** A value that a later walk along the row needs is kept in memory if it is dearer than this, and computed again otherwise. */
  readonly recomputed: number
  /** An access whose elements do not lie side by side along the row, when it is weighed which axis is the row. */
  readonly strided: number
  /** A store that combines across rows, in stores that do not. */
  readonly combined: number
}

/** How products and the loops that read them are cut into panels. Sizes are in elements. */
export type PanelLimits = {
  /** A product's result is cut from this size on; a smaller one stays in a cache anyway. */
  readonly leastResult: number
  /** A panel that is cut along the rows of a product has at most so many. One row may have more: then nothing is cut. */
  readonly largestPanel: number
  /** A panel that is cut along the rows of a product has so many rows at least; where none can, nothing is cut. */
  readonly fewestRows: number
}

export type DeviceLimits = {
  /**
   * The most buffers that one kernel binds, those that it reads and those that it writes together: 4 at least, for a `select` of three
   * arrays. No loop has more, whatever the program: values get buffers of their own before that. A loop may have as many.
   * What runs as panels is bound by turns, a product and a loop. Products and random bits bind three.
   */
  readonly kernelBuffers: number
  /**
   * No two loops become one of more buffers than this, where those count, too, that vanish because nobody else reads them. 0 joins
   * nothing. Loops that have more from the start stay as they are.
   */
  readonly joinedBuffers: number
  /**
   * Operations that are put into one body before it is written out: one more is only put there while it has fewer. Constants and
   * coordinates always are. 0: one operation a loop.
   */
  readonly inlinedSteps: number
  /** No two loops become one of more steps than this, where loads, constants, operations and folds count. 0 joins nothing. */
  readonly joinedSteps: number
  /**
   * Whether a loop with a store that combines across rows may have row work too: stores that do not combine, and folds that later steps
   * use. If not, all stores of such a loop combine, what they combine may be folded along the row first, and a scatter is none of them.
   */
  readonly combinesWithRowWork: boolean
  /** Whether a loop with a scatter may have folds, and other stores than scatters by the same index. */
  readonly scattersWithRowWork: boolean
  /**
   * Whether a loop draws the random bits that it wants, wherever it wants them, rather than load them. Fewer than `largeSize` are always
   * stored, as are those that are wanted in memory.
   */
  readonly drawsInLoops: boolean
  /** Whether a loop computes again what it would load, from what is stored anyway, where that moves fewer bytes. */
  readonly rematerialises: boolean
  /**
   * Whether what a loop combines across rows is one buffer for each dtype, however many such stores it has, because a kernel has partial
   * results that others finish.
   */
  readonly sharesPartials: boolean
  /** Elements of a vector, at least 1: a row that is no multiple of it leaves lanes unused, which counts when the row is chosen. */
  readonly lanes: number
  /** Elements of a row, at least, where one of two loops that become one works once per row and the other on each element. */
  readonly shortestRow: number
  /** Elements from which on a quick operation is computed again rather than stored and loaded, since then memory is what it costs. */
  readonly largeSize: number
  /** Bytes of a buffer from which on two loops become one for no more than loading it once. */
  readonly sharedBytes: number
  readonly costs: Costs
  /** Bytes of a bool in memory. Other dtypes have 4. */
  readonly boolBytes: 1 | 4
  /** Bytes: temporaries begin at multiples of it in the arena, and take multiples of it. A power of two. */
  readonly alignment: number
  /** `undefined` where products and loops are never run by turns. */
  readonly panels: PanelLimits | undefined
}

/** `kernelBuffers` at least: an operation reads up to three arrays and writes one. */
export const fewestKernelBuffers = 4

/** What a device says that cannot be, if anything. */
export const impossibleIn = ({
  kernelBuffers
}: DeviceLimits): { readonly found: string; readonly expected: string } | undefined =>
  kernelBuffers >= fewestKernelBuffers
    ? undefined
    : { found: `${kernelBuffers} buffers a kernel`, expected: `${fewestKernelBuffers} at least` }

/** Bytes of an element in the device's memory. */
export const elementBytes = (dtype: DType, { boolBytes }: DeviceLimits): number =>
  dtype === 'bool' ? boolBytes : bytesPerElement(dtype)
