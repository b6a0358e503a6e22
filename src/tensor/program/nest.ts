/**
 * The order of a loop nest, chosen for memory: the innermost loop is the one along which accesses lie closest together.
 *
 * A reduction whose closest axis is reduced (the sum of a row) keeps one accumulator. One whose closest axis is kept (the
 * sum of columns, as in the gradient of a bias) walks row after row into a run of accumulators instead.
 */

import type { Loop, Step } from './kernel.js'

/** Loops are numbered as in the kernel: its extents, then the reduced ones. Outermost first. */
export type Nest =
  | { readonly _tag: 'map'; readonly outer: ReadonlyArray<number> }
  | { readonly _tag: 'fold'; readonly outer: ReadonlyArray<number>; readonly reduced: ReadonlyArray<number> }
  | {
      readonly _tag: 'columns'
      readonly outer: ReadonlyArray<number>
      readonly reduced: ReadonlyArray<number>
      /** The kept loop that is innermost. */
      readonly column: number
    }

/** Below this many columns a row of accumulators costs more than a strided walk. */
const fewColumns = 8

/** Elements per cache line of f32: a longer stride fetches a line for every element. */
const line = 16

const stridesAlong = (body: ReadonlyArray<Step>, axis: number): ReadonlyArray<number> =>
  body.flatMap((step) => (step._tag === 'load' || step._tag === 'lookup' ? [step.at.strides[axis]] : []))

/** Lines fetched per step along a loop, up to a factor. */
const distance = (body: ReadonlyArray<Step>, axis: number): number =>
  stridesAlong(body, axis).reduce((sum, stride) => sum + Math.min(stride, line), 0)

const range = (from: number, to: number): ReadonlyArray<number> => Array.from({ length: to - from }, (_, i) => from + i)

/** Moves the closest axis last. */
const closestLast = (body: ReadonlyArray<Step>, axes: ReadonlyArray<number>): ReadonlyArray<number> => {
  const [last] = [...axes].reverse().sort((a, b) => distance(body, a) - distance(body, b))
  return axes.length < 2 ? axes : [...axes.filter((axis) => axis !== last), last]
}

export const nestOf = ({ extents, reduce, body }: Loop): Nest => {
  const kept = range(0, extents.length)
  if (reduce === undefined) return { _tag: 'map', outer: kept }
  const reduced = closestLast(body, range(extents.length, extents.length + reduce.extents.length))
  const candidates = closestLast(
    body,
    kept.filter((axis) => extents[axis] >= fewColumns)
  )
  const column = candidates.at(-1)
  const row = reduced.at(-1)
  const isColumns = column !== undefined && row !== undefined && distance(body, column) < distance(body, row)
  return isColumns
    ? { _tag: 'columns', outer: kept.filter((axis) => axis !== column), reduced, column }
    : { _tag: 'fold', outer: kept, reduced }
}
