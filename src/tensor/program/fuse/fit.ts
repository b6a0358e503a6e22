/**
 * What a device lets be one loop: how many buffers it binds, and what stands beside stores that add up.
 *
 * Asked of two groups that become one without the stores that nobody else wants then. Those only become fewer: what fits goes on to.
 */

import type { DeviceLimits } from '../device-limits.js'
import { readsOfGroup, type Group, type GroupStore } from './group.js'

type Kept = Pick<Group, 'extents' | 'body' | 'stores' | 'row'>

const hasFolds = ({ body }: Kept): boolean => body.some(({ _tag }) => _tag === 'fold')

/** The axes that a store reduces away: it combines across rows where one of them is not the row. */
const axesOver = ({ reduced }: GroupStore, { extents }: Kept): ReadonlyArray<number> =>
  extents.flatMap((extent, axis) => (extent > 1 && reduced[axis] ? [axis] : []))

/** Whether all stores reduce the same axes away: whichever is the row, then, all of them combine across rows, or none. */
const reduceAlike = (kept: Kept): boolean => new Set(kept.stores.map((store) => axesOver(store, kept).join())).size <= 1

/** Whether the row of a loop without folds may be any axis, as far as combining across rows goes. */
export const mayChooseRow = (kept: Kept, { combinesWithRowWork }: DeviceLimits): boolean =>
  combinesWithRowWork || reduceAlike(kept)

/** Whether there is no scatter, or nothing but scatters by one index. */
const scattersAlone = (kept: Kept): boolean => {
  const indices = new Set(kept.stores.map(({ scatter }) => scatter && `${scatter.index} of ${scatter.extent}`))
  return !kept.stores.some(({ scatter }) => scatter !== undefined) || (indices.size === 1 && !hasFolds(kept))
}

/**
 * The axis that must be the row for no store to combine across rows beside a fold or a store that does not; `undefined` where all
 * stores are alike and there are no folds, or where nothing is reduced.
 */
const rowOf = (kept: Kept): { readonly row: number | undefined } | undefined => {
  if (!hasFolds(kept) && reduceAlike(kept)) return { row: undefined }
  const axes = new Set(kept.stores.flatMap((store) => axesOver(store, kept)))
  return axes.size > 1 ? undefined : { row: [...axes][0] }
}

/** Whether a store combines across rows for certain. */
const isCombining = (store: GroupStore, kept: Kept): boolean => {
  const over = axesOver(store, kept)
  return (
    store.scatter === undefined && (kept.row === undefined ? over.length > 1 : over.some((axis) => axis !== kept.row))
  )
}

/** The buffers that a group binds, where those of partial sums are one for each dtype, as far as a device has such. */
const boundBy = (kept: Kept, { sharesPartials }: DeviceLimits): number => {
  const partial = kept.stores.filter((store) => sharesPartials && isCombining(store, kept))
  const shared = new Set(partial.map(({ value }) => kept.body[value].dtype))
  return readsOfGroup(kept).size + kept.stores.length - partial.length + shared.size
}

/** The group, with its row where that must be a certain axis; `undefined` where the device has no such loop. */
export const fitted = (group: Group, limits: DeviceLimits, isKept: (buffer: number) => boolean): Group | undefined => {
  const kept = { ...group, stores: group.stores.filter(({ buffer }) => isKept(buffer)) }
  if (boundBy(kept, limits) > limits.kernelBuffers) return undefined
  if (!limits.scattersWithRowWork && !scattersAlone(kept)) return undefined
  if (limits.combinesWithRowWork) return group
  const must = rowOf(kept)
  if (must === undefined || (must.row !== undefined && group.row !== undefined && must.row !== group.row))
    return undefined
  return { ...group, row: group.row ?? must.row }
}
