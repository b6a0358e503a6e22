/**
 * From a group to a loop: which axis is the row, the order of the others, and reductions as folds and combining stores.
 */

import type { Costs, DeviceLimits } from '../device-limits.js'
import { mapAccesses, type FusedLoop, type Store } from '../fused.js'
import { mayChooseRow } from './fit.js'
import { overAxes, pruned, stepsFrom, type Group } from './group.js'
import type { Affine } from '../kernel.js'
import { collapse } from '../views.js'

const accessesOf = ({ body, stores }: Group): ReadonlyArray<Affine> => [
  ...body.flatMap((step) => ('at' in step ? [step.at] : [])),
  ...stores.map(({ at }) => at)
]

/** What a step along an axis costs an access: elements side by side are one vector. */
const distance = (stride: number, { strided }: Costs): number => (stride === 0 ? 0 : stride === 1 ? 1 : strided)

/** What a step costs beside an access. */
const arithmetic = 1 / 4

/** Cost of an element if `axis` is the row: its memory accesses and arithmetic, in lanes that are used. */
const costAlong = (group: Group, axis: number, { lanes, costs }: DeviceLimits): number => {
  const extent = group.extents[axis]
  const used = extent / (lanes * Math.ceil(extent / lanes))
  const loads = group.body.reduce(
    (sum, step) => sum + (step._tag === 'load' ? distance(step.at.strides[axis], costs) : 0),
    0
  )
  // A reduction along the row stays in registers; one across rows is a load and a store more.
  const stores = group.stores.reduce(
    (sum, { at, fn }) => sum + distance(at.strides[axis], costs) * (fn === undefined ? 1 : costs.combined),
    0
  )
  return (loads + stores + group.body.length * arithmetic) / used
}

/** Whether some other axis would make a far better row than the one that must be. */
export const isRowDear = (group: Group, limits: DeviceLimits): boolean => {
  const { row, extents } = group
  if (row === undefined) return false
  const cost = costAlong(group, row, limits)
  return extents.some((extent, axis) => extent > 1 && 3 * costAlong(group, axis, limits) < cost)
}

const isTrivial = (group: Group, axis: number): boolean => group.extents[axis] === 1

/** The axes with the row last, the others from the farthest strides to the closest. */
const orderOf = (group: Group, limits: DeviceLimits): ReadonlyArray<number> => {
  const axes = group.extents.map((_, axis) => axis).filter((axis) => !isTrivial(group, axis) || axis === group.row)
  const row =
    group.row ??
    axes.reduce<number | undefined>((best, axis) => {
      if (best === undefined) return axis
      const [a, b] = [costAlong(group, axis, limits), costAlong(group, best, limits)]
      return a < b || (a === b && group.extents[axis] > group.extents[best]) ? axis : best
    }, undefined)
  const reach = (axis: number): number => accessesOf(group).reduce((sum, { strides }) => sum + strides[axis], 0)
  const outer = axes.filter((axis) => axis !== row).sort((a, b) => reach(b) - reach(a) || a - b)
  return row === undefined ? outer : [...outer, row]
}

/** Merges neighbouring axes that every access walks as one. A fixed row stays as it is. */
const collapsed = (group: Group): Group => {
  const end = group.row ?? group.extents.length
  const lists = accessesOf(group).map(({ strides }) => strides)
  const outer = collapse(
    group.extents.slice(0, end),
    lists.map((strides) => strides.slice(0, end))
  )
  const merged = lists.map((strides, i) => [...outer.lists[i], ...strides.slice(end)])
  let next = 0
  const at = ({ offset }: Affine): Affine => ({ offset, strides: merged[next++] })
  const extents = [...outer.extents, ...group.extents.slice(end)]
  // Steps first, then stores: the order of `accessesOf`.
  const moved = mapAccesses(group, at)
  const stores = moved.stores.map((store) => {
    const isReduced = (stride: number): boolean => store.fn !== undefined && stride === 0
    const reduced = store.at.strides.slice(0, outer.extents.length).map(isReduced)
    return { ...store, reduced: [...reduced, ...store.reduced.slice(end)] }
  })
  return { ...moved, extents, stores, row: group.row === undefined ? undefined : extents.length - 1 }
}

/** A nest without axes is a row of one element. */
const withRow = (group: Group): Group => (group.extents.length > 0 ? group : overAxes(group, [1], [0]))

/** The loop of a group that stores what `isWanted` and nothing else. */
export const loopOf = (group: Group, isWanted: (buffer: number) => boolean, limits: DeviceLimits): FusedLoop => {
  const kept = pruned({ ...group, stores: group.stores.filter(({ buffer }) => isWanted(buffer)) })
  // Without folds, and with every point of the nest written or reduced away, any axis can be the row.
  const isFree =
    mayChooseRow(kept, limits) &&
    !kept.body.some((step) => step._tag === 'fold') &&
    kept.stores.every(({ at, reduced }) =>
      kept.extents.every((extent, axis) => extent === 1 || at.strides[axis] !== 0 || reduced[axis])
    )
  const free = isFree ? { ...kept, row: undefined } : kept
  const order = orderOf(free, limits)
  const ordered = overAxes(
    free,
    order.map((axis) => free.extents[axis]),
    order
  )
  const { extents, body: list, stores: ends } = withRow(collapsed(ordered))
  const row = extents.length - 1
  const steps = stepsFrom(list)
  const stores = ends.map(({ buffer, at, value, fn, reduced, scatter }): Store => {
    if (fn === undefined || scatter !== undefined) return { buffer, at, value, combine: fn, scatter }
    const { dtype } = list[value]
    return {
      buffer,
      at,
      value: reduced[row] ? steps.add({ _tag: 'fold', dtype, fn, x: value }) : value,
      combine: reduced.some((is, axis) => is && axis !== row) ? fn : undefined,
      scatter
    }
  })
  return { _tag: 'loop', extents, body: steps.list, stores }
}
