/**
 * Two groups as one: the same axes, one list of steps, and values handed over where they were stored and loaded again.
 */

import { align, type Alignment } from './align.js'
import { sizeOf } from '../../shape.js'
import type { DeviceLimits } from '../device-limits.js'
import { mapStep } from '../fused.js'
import { fitted } from './fit.js'
import { mapStore, overAxes, readsOfGroup, stepsFrom, type Group, type GroupStore } from './group.js'
import type { Affine } from '../kernel.js'
import { isRowDear } from './rows.js'

/** For whom groups become one, and which buffers somebody else wants of what becomes of them. */
export type Joining = { readonly limits: DeviceLimits; readonly isKept: (buffer: number) => boolean }

/** Where and how two groups meet: an access of each to one buffer. */
type Link = { readonly left: Affine; readonly right: Affine }

const points = ({ extents }: Group): number => sizeOf(extents)

const loadsOf = ({ body }: Group): ReadonlyArray<{ readonly buffer: number; readonly at: Affine }> =>
  body.filter((step) => step._tag === 'load')

/** What the right group loads of what the left one stores. */
const handed = (left: Group, right: Group): Link | undefined => {
  for (const { buffer, at, fn } of left.stores) {
    const load = loadsOf(right).find((step) => step.buffer === buffer)
    if (load === undefined) continue
    // One number for all of a loop is no reason to join whoever made it, unless it is that loop's own sum.
    const isNumber = fn === undefined && at.strides.every((s) => s === 0)
    if (!isNumber || points(left) * points(right) === 1) return { left: at, right: load.at }
  }
  return undefined
}

/** A buffer that both load, which `isWorth` sharing. */
const shared = (left: Group, right: Group, isWorth: (buffer: number) => boolean): Link | undefined => {
  for (const { buffer, at } of loadsOf(left)) {
    if (!isWorth(buffer)) continue
    const load = loadsOf(right).find((step) => step.buffer === buffer)
    if (load !== undefined) return { left: at, right: load.at }
  }
  return undefined
}

type Placed = { readonly left: Group; readonly right: Group; readonly row: number | undefined }

const agreed = (rows: ReadonlyArray<number | undefined>): { readonly row: number | undefined } | undefined => {
  const fixed = new Set(rows.filter((row) => row !== undefined))
  return fixed.size > 1 ? undefined : { row: [...fixed][0] }
}

/** Both groups over the axes of the left, then what only the right has. What one of them lacks must be the row. */
const overOneSpace = (
  { left, right, moving, still, onlyLeft, onlyRight }: Alignment,
  { shortestRow }: DeviceLimits
): Placed | undefined => {
  const partner = new Map([...moving, ...still].map(([l, r]) => [r, l]))
  const extents = [...left.extents]
  const to = right.extents.map((extent, axis) => partner.get(axis) ?? extents.push(extent) - 1)
  const alone = [...onlyLeft, ...onlyRight.map((axis) => to[axis])]
  if (alone.length > 1 || alone.some((axis) => extents[axis] < shortestRow)) return undefined
  // A scatter adds at every point: it must have all axes.
  const scatters = (group: Group): boolean => group.stores.some(({ scatter }) => scatter !== undefined)
  if ((onlyRight.length > 0 && scatters(left)) || (onlyLeft.length > 0 && scatters(right))) return undefined
  const placed = {
    left: overAxes(
      left,
      extents,
      extents.map((_, axis) => axis)
    ),
    right: overAxes(
      right,
      extents,
      extents.map((_, axis) => to.indexOf(axis))
    )
  }
  const rows = agreed([placed.left.row, placed.right.row, alone[0]])
  return rows && { ...placed, ...rows }
}

const movesAlike = (a: Affine, b: Affine, extents: ReadonlyArray<number>): boolean =>
  a.offset === b.offset && extents.every((extent, axis) => extent === 1 || a.strides[axis] === b.strides[axis])

/** The axis that a stored value is reduced over, as far as it matters to whoever uses it in the same loop. */
const reducedAxes = ({ reduced }: GroupStore, extents: ReadonlyArray<number>): ReadonlyArray<number> =>
  extents.flatMap((extent, axis) => (extent > 1 && reduced[axis] ? [axis] : []))

/** The two lists of steps as one. `undefined` where the right side wants what the left has not got by then. */
const joined = ({ left, right, row: fixed }: Placed): Group | undefined => {
  const { extents } = left
  const stored = new Map(left.stores.map((store) => [store.buffer, store]))
  const steps = stepsFrom(left.body)
  const numbers: Array<number> = []
  const numberOf = (step: number): number => numbers[step]
  let row = fixed

  const handOver = (store: GroupStore): number | undefined => {
    const axes = reducedAxes(store, extents)
    if (store.fn === undefined || axes.length === 0) return store.value
    if (axes.length > 1 || (row !== undefined && row !== axes[0])) return undefined
    row = axes[0]
    return steps.add({ _tag: 'fold', dtype: left.body[store.value].dtype, fn: store.fn, x: store.value })
  }

  for (const step of right.body) {
    const store = 'buffer' in step ? stored.get(step.buffer) : undefined
    if (store === undefined) {
      numbers.push(steps.add(mapStep(step, (at) => at, numberOf)))
      continue
    }
    if (step._tag !== 'load' || store.scatter !== undefined || !movesAlike(store.at, step.at, extents)) return undefined
    const value = handOver(store)
    if (value === undefined) return undefined
    numbers.push(value)
  }
  const stores = right.stores.map((store) => mapStore(store, numberOf))
  return { extents, body: steps.list, stores: [...left.stores, ...stores], row }
}

const isSmall = (group: Group, { joinedSteps, joinedBuffers }: DeviceLimits): boolean =>
  group.body.length <= joinedSteps && readsOfGroup(group).size + group.stores.length <= joinedBuffers

const mergeAt = (left: Group, right: Group, link: Link, { limits, isKept }: Joining): Group | undefined => {
  const alignment = align({ group: left, at: link.left }, { group: right, at: link.right })
  const placed = alignment && overOneSpace(alignment, limits)
  const whole = placed && joined(placed)
  const group = whole && isSmall(whole, limits) ? fitted(whole, limits, isKept) : undefined
  if (group === undefined) return undefined
  // One pass less is not worth walking both nests against the grain.
  const isFree = left.row === undefined && right.row === undefined
  return isFree && isRowDear(group, limits) ? undefined : group
}

/** The left group followed by the right, which loads what the left stores; `undefined` where that is no single loop. */
export const mergeConsumer =
  (joining: Joining) =>
  (left: Group, right: Group): Group | undefined => {
    const link = handed(left, right)
    return link && mergeAt(left, right, link, joining)
  }

/** Two groups of equal extents that load the same buffer alike, and nothing of one another. */
export const mergeSiblings =
  (joining: Joining, isWorth: (buffer: number) => boolean) =>
  (left: Group, right: Group): Group | undefined => {
    const link = shared(left, right, isWorth)
    const group = link && mergeAt(left, right, link, joining)
    return group !== undefined && points(group) === points(left) && points(group) === points(right) ? group : undefined
  }
