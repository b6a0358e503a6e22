/**
 * Aligning two nests: which axis of one is which axis of the other, given that both walk a buffer alike.
 */

import { splitGroup, type Group } from './group.js'
import type { Affine } from '../kernel.js'
import type { Shape } from '../../shape.js'
import { splitAffine, splitExtents, type Split } from '../views.js'

/** One nest, and the access by which it is aligned. */
export type Walk = { readonly group: Group; readonly at: Affine }

export type Alignment = {
  /** The two nests, with axes split so that they correspond one to one. */
  readonly left: Group
  readonly right: Group
  /** Pairs of an axis on the left and its axis on the right, along which the accesses move. */
  readonly moving: ReadonlyArray<readonly [number, number]>
  /** Pairs along which neither moves. */
  readonly still: ReadonlyArray<readonly [number, number]>
  /** Axes of one side, along which its access does not move, with no partner on the other: empty on one side at least. */
  readonly onlyLeft: ReadonlyArray<number>
  readonly onlyRight: ReadonlyArray<number>
}

/** One side while its axes are being paired. The group itself is split at the end, when it is known to be worth it. */
type Side = {
  extents: Shape
  at: Affine
  /** The group's. What is folded along it would be another number along a part of it: it stays whole. */
  row: number | undefined
  readonly paired: Array<number>
  readonly splits: Array<Split>
}

const sideOf = ({ group: { extents, row }, at }: Walk): Side => ({ extents, at, row, paired: [], splits: [] })

const split = (side: Side, axis: number, factor: number): void => {
  const cut = { axis, factor }
  side.splits.push(cut)
  side.extents = splitExtents(side.extents, cut)
  side.at = splitAffine(side.at, cut)
  if (side.row !== undefined && side.row > axis) side.row++
  side.paired.forEach((p, i) => (side.paired[i] = p > axis ? p + 1 : p))
}

const unpaired = ({ extents, at, paired }: Side, moves: boolean): ReadonlyArray<number> =>
  extents.flatMap((extent, axis) =>
    extent > 1 && (at.strides[axis] !== 0) === moves && !paired.includes(axis) ? [axis] : []
  )

const strideOf = (side: Side, axis: number): number => side.at.strides[axis]

/** Pairs the whole of the smaller axis with the inner part of the larger; false where that cannot be cut so. */
const pair = (left: Side, right: Side, l: number, r: number): boolean => {
  const [a, b] = [left.extents[l], right.extents[r]]
  const [small, large] = a < b ? [a, b] : [b, a]
  if (large % small !== 0 || (a > small && l === left.row) || (b > small && r === right.row)) return false
  if (a > small) split(left, l, small)
  if (b > small) split(right, r, small)
  // Of a split axis the inner part is the second.
  left.paired.push(a > small ? l + 1 : l)
  right.paired.push(b > small ? r + 1 : r)
  return true
}

const smallestStride = (side: Side, axes: ReadonlyArray<number>): number =>
  axes.reduce((best, axis) => (strideOf(side, axis) < strideOf(side, best) ? axis : best))

/**
 * Aligns two nests whose accesses take the same places in the same order: `left.at` and `right.at` are then one function
 * of the paired axes. `undefined` where they are not.
 */
export const align = (left: Walk, right: Walk): Alignment | undefined => {
  if (left.at.offset !== right.at.offset) return undefined
  const [l, r] = [sideOf(left), sideOf(right)]
  for (;;) {
    const [ls, rs] = [unpaired(l, true), unpaired(r, true)]
    if (ls.length === 0 && rs.length === 0) break
    if (ls.length === 0 || rs.length === 0) return undefined
    const [i, j] = [smallestStride(l, ls), smallestStride(r, rs)]
    if (strideOf(l, i) !== strideOf(r, j) || !pair(l, r, i, j)) return undefined
  }
  const moving = l.paired.length
  for (;;) {
    const [i, j] = [unpaired(l, false).at(-1), unpaired(r, false).at(-1)]
    if (i === undefined || j === undefined) break
    if (!pair(l, r, i, j)) return undefined
  }
  const [onlyLeft, onlyRight] = [unpaired(l, false), unpaired(r, false)]
  // Something was paired, and something is left: the still axes are of different sizes.
  if (l.paired.length > moving && onlyLeft.length + onlyRight.length > 0) return undefined
  const pairs = l.paired.map((axis, i) => [axis, r.paired[i]] as const)
  return {
    left: l.splits.reduce(splitGroup, left.group),
    right: r.splits.reduce(splitGroup, right.group),
    moving: pairs.slice(0, moving),
    still: pairs.slice(moving),
    onlyLeft,
    onlyRight
  }
}
