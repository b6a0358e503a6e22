/**
 * Groups: kernels while it is being decided which of them become one loop nest.
 *
 * A group's axes have no order yet. Every access is an affine function of all of them; an axis along which nothing moves
 * is one that a value is the same for. Values change hands inside a group where one kernel loads, place by place, what
 * another stores. A group is plain data: merging two makes a third.
 */

import type { Reduction } from '../../elementwise.js'
import type { Shape } from '../../shape.js'
import { mapAccesses, mapStep, operandsOf, type FusedStep } from '../fused.js'
import type { Affine, Loop, Scatter } from '../kernel.js'
import { splitAffine, splitExtents, type Split } from '../views.js'

export type GroupStore = {
  readonly buffer: number
  readonly at: Affine
  readonly value: number
  /** For each axis, whether it is reduced away; all false without `fn`. */
  readonly reduced: ReadonlyArray<boolean>
  readonly fn: Reduction | undefined
  readonly scatter: { readonly index: number; readonly extent: number; readonly stride: number } | undefined
}

export type Group = {
  readonly extents: ReadonlyArray<number>
  readonly body: ReadonlyArray<FusedStep>
  readonly stores: ReadonlyArray<GroupStore>
  /** The axis that must be the row, where something inside the group depends on it. */
  readonly row: number | undefined
}

export const groupOf = (kernel: Loop | Scatter): Group => {
  const { body, out } = kernel
  if (kernel._tag === 'scatter') {
    const { extents, value, index, extent, stride } = kernel
    const reduced = extents.map(() => false)
    const stores = [{ ...out, value, reduced, fn: 'sum', scatter: { index, extent, stride } }] as const
    return { extents, body, stores, row: undefined }
  }
  const { extents: kept, reduce } = kernel
  const extents = [...kept, ...(reduce?.extents ?? [])]
  const at = { offset: out.at.offset, strides: extents.map((_, axis) => out.at.strides[axis] ?? 0) }
  const reduced = extents.map((_, axis) => axis >= kept.length)
  return {
    extents,
    body,
    stores: [{ buffer: out.buffer, at, value: body.length - 1, reduced, fn: reduce?.fn, scatter: undefined }],
    row: undefined
  }
}

/** The buffers a group reads. */
export const readsOfGroup = ({ body }: Pick<Group, 'body'>): ReadonlySet<number> =>
  new Set(body.flatMap((step) => ('buffer' in step ? [step.buffer] : [])))

/** The same nest with one axis, not its row, seen as two: `axis` becomes the outer, `axis + 1` the inner. */
export const splitGroup = (group: Group, split: Split): Group => {
  const moved = mapAccesses(group, (at) => splitAffine(at, split))
  return {
    ...moved,
    extents: splitExtents(group.extents, split),
    stores: moved.stores.map((store) => ({
      ...store,
      reduced: store.reduced.flatMap((is, axis) => (axis === split.axis ? [is, is] : [is]))
    })),
    row: group.row === undefined || group.row < split.axis ? group.row : group.row + 1
  }
}

/**
 * The same nest over other axes: `from` gives for each the number of an old one, or one that there is not where it is new. Old axes
 * that are left out have one element.
 */
export const overAxes = (group: Group, extents: Shape, from: ReadonlyArray<number>): Group => {
  if (extents.length === group.extents.length && from.every((old, axis) => old === axis)) return group
  const picked = <A>(list: ReadonlyArray<A>, none: A): ReadonlyArray<A> => from.map((axis) => list[axis] ?? none)
  const moved = mapAccesses(group, ({ offset, strides }) => ({ offset, strides: picked(strides, 0) }))
  return {
    ...moved,
    extents,
    stores: moved.stores.map((store) => ({ ...store, reduced: picked(store.reduced, false) })),
    row: group.row === undefined ? undefined : from.indexOf(group.row)
  }
}

/** The steps that a store reads. */
type Storing = {
  readonly value: number
  readonly scatter: { readonly index: number; readonly extent: number; readonly stride: number } | undefined
}

/** A store with the numbers of steps replaced. */
export const mapStore = <S extends Storing>(store: S, step: (x: number) => number): S => ({
  ...store,
  value: step(store.value),
  scatter: store.scatter && { ...store.scatter, index: step(store.scatter.index) }
})

const affineKey = ({ offset, strides }: Affine): string => `${offset}+${strides.join()}`

/** Equal for steps that give the same value. */
const keyOf = (step: FusedStep): string => {
  switch (step._tag) {
    case 'constant':
      return `c${step.dtype}${Object.is(step.value, -0) ? '-0' : step.value}`
    case 'index':
      return `i${step.dtype}${affineKey(step.at)}`
    case 'load':
      return `b${step.buffer}@${affineKey(step.at)}`
    case 'lookup':
      return `l${step.buffer}@${affineKey(step.at)}[${step.index},${step.extent},${step.stride}]`
    case 'unary':
      return `${step.fn} ${step.x}`
    case 'binary':
      return `${step.fn} ${step.x} ${step.y}`
    case 'compare':
      return `${step.fn}? ${step.x} ${step.y}`
    case 'select':
      return `? ${step.condition} ${step.ifTrue} ${step.ifFalse}`
    case 'cast':
      return `${step.dtype} ${step.x}`
    case 'random':
      return `random ${affineKey(step.at)} ${step.key.join()} ${step.counter.join()}`
    case 'fold':
      return `fold ${step.fn} ${step.x}`
  }
}

/** A list of steps in the making, each distinct value once. */
export type StepList = { readonly list: Array<FusedStep>; readonly add: (step: FusedStep) => number }

export const stepsFrom = (steps: ReadonlyArray<FusedStep>): StepList => {
  const list: Array<FusedStep> = [...steps]
  const known = new Map(list.map((step, i) => [keyOf(step), i]))
  return {
    list,
    add: (step) => {
      const key = keyOf(step)
      const old = known.get(key)
      if (old !== undefined) return old
      known.set(key, list.length)
      return list.push(step) - 1
    }
  }
}

/** Leaves out the steps that no store needs, and counts the others anew. */
export const pruned = <G extends { readonly body: ReadonlyArray<FusedStep>; readonly stores: ReadonlyArray<Storing> }>(
  group: G
): G => {
  const needed = new Set<number>()
  const need = (x: number): void => void needed.add(x)
  group.stores.forEach(({ value, scatter }) => {
    need(value)
    if (scatter !== undefined) need(scatter.index)
  })
  for (let i = group.body.length - 1; i >= 0; i--) if (needed.has(i)) operandsOf(group.body[i]).forEach(need)
  const numbers = new Map<number, number>()
  const renamed = (x: number): number => numbers.get(x) ?? 0
  const body: Array<FusedStep> = []
  group.body.forEach((step, i) => {
    if (needed.has(i)) numbers.set(i, body.push(mapStep(step, (a) => a, renamed)) - 1)
  })
  return {
    ...group,
    body,
    stores: group.stores.map((store) => mapStore(store, renamed))
  }
}
