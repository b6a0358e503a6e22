/**
 * Groups: kernels while it is being decided which of them become one loop nest.
 *
 * A group's axes have no order yet. Every access is an affine function of all of them; an axis along which nothing moves
 * is one that a value is the same for. Values change hands inside a group where one kernel loads, place by place, what
 * another stores. A group is plain data: merging two makes a third.
 */

import type { Reduction } from '../../elementwise.js'
import { operandsOf, type FusedStep } from '../fused.js'
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
  readonly steps: ReadonlyArray<FusedStep>
  readonly stores: ReadonlyArray<GroupStore>
  /** The axis that must be the row, where something inside the group depends on it. */
  readonly row: number | undefined
}

export const groupOf = (kernel: Loop | Scatter): Group => {
  if (kernel._tag === 'scatter') {
    const { extents, body, out, value, index, extent, stride } = kernel
    return {
      extents,
      steps: body,
      stores: [
        {
          buffer: out.buffer,
          at: out.at,
          value,
          reduced: extents.map(() => false),
          fn: 'sum',
          scatter: { index, extent, stride }
        }
      ],
      row: undefined
    }
  }
  const { extents: kept, reduce, body, out } = kernel
  const extents = [...kept, ...(reduce?.extents ?? [])]
  const at = { offset: out.at.offset, strides: extents.map((_, axis) => out.at.strides[axis] ?? 0) }
  const reduced = extents.map((_, axis) => axis >= kept.length)
  return {
    extents,
    steps: body,
    stores: [{ buffer: out.buffer, at, value: body.length - 1, reduced, fn: reduce?.fn, scatter: undefined }],
    row: undefined
  }
}

/** A step with its accesses and operands replaced. */
export const mapStep = (step: FusedStep, at: (a: Affine) => Affine, operand: (x: number) => number): FusedStep => {
  switch (step._tag) {
    case 'constant':
      return step
    case 'index':
    case 'load':
      return { ...step, at: at(step.at) }
    case 'lookup':
      return { ...step, at: at(step.at), index: operand(step.index) }
    case 'unary':
    case 'cast':
    case 'fold':
      return { ...step, x: operand(step.x) }
    case 'binary':
    case 'compare':
      return { ...step, x: operand(step.x), y: operand(step.y) }
    case 'select':
      return {
        ...step,
        condition: operand(step.condition),
        ifTrue: operand(step.ifTrue),
        ifFalse: operand(step.ifFalse)
      }
  }
}

const same = (x: number): number => x

const mapAccesses = (group: Group, at: (a: Affine) => Affine): Pick<Group, 'steps' | 'stores'> => ({
  steps: group.steps.map((step) => mapStep(step, at, same)),
  stores: group.stores.map((store) => ({ ...store, at: at(store.at) }))
})

/** The same nest with one axis, not its row, seen as two: `axis` becomes the outer, `axis + 1` the inner. */
export const splitGroup = (group: Group, split: Split): Group => {
  const { steps, stores } = mapAccesses(group, (a) => splitAffine(a, split))
  return {
    extents: splitExtents(group.extents, split),
    steps,
    stores: stores.map((store) => ({
      ...store,
      reduced: store.reduced.flatMap((is, axis) => (axis === split.axis ? [is, is] : [is]))
    })),
    row: group.row === undefined || group.row < split.axis ? group.row : group.row + 1
  }
}

/** The same nest over other axes: `to[axis]` is the new number of an axis, and `extents` are those of the new ones. */
export const placeGroup = (group: Group, to: ReadonlyArray<number>, extents: ReadonlyArray<number>): Group => {
  if (extents.length === group.extents.length && to.every((place, axis) => place === axis)) return group
  const spread = <A>(list: ReadonlyArray<A>, none: A): ReadonlyArray<A> => {
    const placed = new Array<A>(extents.length).fill(none)
    list.forEach((x, axis) => (placed[to[axis]] = x))
    return placed
  }
  const { steps, stores } = mapAccesses(group, ({ offset, strides }) => ({ offset, strides: spread(strides, 0) }))
  return {
    extents,
    steps,
    stores: stores.map((store) => ({ ...store, reduced: spread(store.reduced, false) })),
    row: group.row === undefined ? undefined : to[group.row]
  }
}

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
export const pruned = (group: Group): Group => {
  const needed = new Set<number>()
  const need = (x: number): void => void needed.add(x)
  group.stores.forEach(({ value, scatter }) => {
    need(value)
    if (scatter !== undefined) need(scatter.index)
  })
  for (let i = group.steps.length - 1; i >= 0; i--) if (needed.has(i)) operandsOf(group.steps[i]).forEach(need)
  const numbers = new Map<number, number>()
  const renamed = (x: number): number => numbers.get(x) ?? 0
  const steps: Array<FusedStep> = []
  group.steps.forEach((step, i) => {
    if (needed.has(i)) numbers.set(i, steps.push(mapStep(step, (a) => a, renamed)) - 1)
  })
  return {
    ...group,
    steps,
    stores: group.stores.map((store) => ({
      ...store,
      value: renamed(store.value),
      scatter: store.scatter && { ...store.scatter, index: renamed(store.scatter.index) }
    }))
  }
}
