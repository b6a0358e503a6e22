/**
 * Fused loops as kernels of a GPU: maps, rows with what is combined over chunks of them, and scatter-adds.
 */

import type { DType } from '../../dtype.js'
import { reductionIdentity, type Reduction } from '../../elementwise.js'
import { range } from '../../range.js'
import { sizeOf, type Shape } from '../../shape.js'
import { pruned } from '../fuse/group.js'
import { mapAccesses, type FusedLoop, type FusedStep, type Store } from '../fused.js'
import type { View } from '../kernel.js'
import { dense, splitAffine, splitExtents } from '../views.js'
import type { Accumulation, FinishKernel, GpuKernel, RowKernel } from './gpu-kernel.js'
import type { GpuLimits } from './gpu-limits.js'
import { filled, reordered, type Buffers } from './nests.js'
import { scatterKernels } from './scatter.js'

/** The loop with some of its stores, and what they need. */
const storing = (loop: FusedLoop, stores: ReadonlyArray<Store>): FusedLoop => pruned({ ...loop, stores })

const isFold = ({ _tag }: FusedStep): boolean => _tag === 'fold'

/** Whether the value of an accumulation is combined over this outer axis. */
const reduces = ({ at }: Store, extents: Shape, axis: number): boolean => extents[axis] > 1 && at.strides[axis] === 0

/** Stores that are combined over the same axes, and with the first of them all that are not combined. */
const alike = ({ extents, stores }: FusedLoop): ReadonlyArray<ReadonlyArray<Store>> => {
  const outer = extents.slice(0, -1).map((_, axis) => axis)
  const groups = new Map<string, Array<Store>>()
  for (const store of stores.filter(({ combine }) => combine !== undefined)) {
    const key = outer.filter((axis) => reduces(store, extents, axis)).join()
    groups.set(key, [...(groups.get(key) ?? []), store])
  }
  const direct = stores.filter(({ combine }) => combine === undefined)
  const [first = [], ...others] = groups.values()
  return [[...first, ...direct], ...others]
}

/** The divisor of `extent` that is closest to `wanted` from below, 1 where there is none. */
const divisorUpTo = (extent: number, wanted: number): number => {
  for (let d = Math.min(wanted, extent); d > 1; d--) if (extent % d === 0) return d
  return 1
}

/**
 * Whether a store is of the whole row that is the sum, say, of what it is of the parts of the row: what is folded and stored once, or
 * every element by itself.
 */
const isOfParts = ({ at, value, combine }: Store, { body }: FusedLoop): boolean => {
  const isMoving = at.strides[at.strides.length - 1] !== 0
  const step = body[value]
  if (step._tag === 'fold') return !isMoving && (combine ?? step.fn) === step.fn
  return isMoving || combine === undefined
}

/**
 * Few long rows as more shorter ones, where what is folded along them is stored as it is: it is then combined over the parts.
 */
const withShortRows = (loop: FusedLoop, limits: GpuLimits): FusedLoop => {
  const { extents, body, stores } = loop
  const axis = extents.length - 1
  const length = extents[axis]
  const rows = sizeOf(extents) / length
  const isUsed = pruned({ ...loop, stores: stores.filter(({ value }) => !isFold(body[value])) }).body.some(isFold)
  if (length < limits.longRow || rows * 8 > limits.chunks || !body.some(isFold)) return loop
  if (isUsed || !stores.every((store) => isOfParts(store, loop))) return loop
  const factor = divisorUpTo(length, Math.max(limits.longRow >> 2, limits.lanes))
  if (factor === 1) return loop
  const split = { axis, factor }
  const fnOf = (value: number): Reduction | undefined => {
    const step = body[value]
    return step._tag === 'fold' ? step.fn : undefined
  }
  const cut = mapAccesses(loop, (at) => splitAffine(at, split))
  return {
    ...cut,
    extents: splitExtents(extents, split),
    stores: cut.stores.map((store) => ({ ...store, combine: fnOf(store.value) ?? store.combine }))
  }
}

const powerOfTwoUpTo = (n: number): number => 2 ** (31 - Math.clz32(Math.max(1, n)))

/** A store that combines, its buffer of partial results and where they begin in it; none where it has one, which is the result. */
type Partial = { readonly store: Store; readonly shape: Shape; readonly partial: View | undefined }

/** Partial results of one dtype share a buffer: a kernel may combine more than it could bind. */
const partialsOf = (
  { extents, body, stores }: FusedLoop,
  keptAxes: ReadonlyArray<number>,
  chunks: number,
  buffers: Buffers
): ReadonlyArray<Partial> => {
  const combining = stores.filter(({ combine }) => combine !== undefined)
  const shapeOf = ({ at }: Store): Shape =>
    [...keptAxes, extents.length - 1].filter((axis) => at.strides[axis] !== 0).map((axis) => extents[axis])
  const dtypeOf = ({ value }: Store): DType => body[value].dtype
  return [...new Set(combining.map(dtypeOf))].flatMap((dtype): ReadonlyArray<Partial> => {
    const alike = combining.filter((store) => dtypeOf(store) === dtype)
    if (chunks === 1 && alike.length === 1)
      return alike.map((store) => ({ store, shape: shapeOf(store), partial: undefined }))
    const sizes = alike.map((store) => chunks * sizeOf(shapeOf(store)))
    const buffer = buffers.scratch({ dtype, size: sizes.reduce((sum, size) => sum + size, 0) })
    let offset = 0
    return alike.map((store, i) => {
      const at = { offset, strides: dense(shapeOf(store)).strides }
      offset += sizes[i]
      return { store, shape: shapeOf(store), partial: { buffer, at } }
    })
  })
}

/** A combined value: where its partial results go, and the kernel that finishes them. */
const accumulationOf = (
  { store, shape, partial }: Partial,
  { extents, body }: FusedLoop,
  keptAxes: ReadonlyArray<number>,
  chunks: number,
  limits: GpuLimits
): { readonly accumulation: Accumulation; readonly after: ReadonlyArray<FinishKernel> } => {
  const fn = store.combine ?? 'sum'
  const { dtype } = body[store.value]
  const size = sizeOf(shape)
  if (partial === undefined)
    return { accumulation: { value: store.value, fn, buffer: store.buffer, at: store.at, size }, after: [] }
  const { buffer, at: from } = partial
  const moving = [...keptAxes, extents.length - 1].filter((axis) => store.at.strides[axis] !== 0)
  const strides = extents.map((_, axis) => from.strides[moving.indexOf(axis)] ?? 0)
  const finish: FinishKernel = {
    _tag: 'finish',
    fn,
    dtype,
    partials: buffer,
    chunks,
    size,
    extents: shape,
    from,
    out: store.buffer,
    at: { offset: store.at.offset, strides: moving.map((axis) => store.at.strides[axis]) },
    lanes: size >= limits.chunks ? 1 : Math.min(limits.lanes, powerOfTwoUpTo(chunks / 2))
  }
  return {
    accumulation: { value: store.value, fn, buffer, at: { offset: from.offset, strides }, size },
    after: [finish]
  }
}

/** Rows with their folds, and what is combined over them. */
const rowKernels = (loop: FusedLoop, limits: GpuLimits, buffers: Buffers): ReadonlyArray<GpuKernel> => {
  const row = loop.extents.length - 1
  const outer = loop.extents.slice(0, -1).map((_, axis) => axis)
  const combining = loop.stores.filter(({ combine }) => combine !== undefined)
  const isReduced = (axis: number): boolean => combining.length > 0 && reduces(combining[0], loop.extents, axis)
  const keptAxes = outer.filter((axis) => !isReduced(axis))
  const ordered = reordered(loop, [...keptAxes, ...outer.filter(isReduced), row])
  const kept = keptAxes.length
  const { extents } = ordered
  const places = sizeOf(extents.slice(0, kept))
  const reduced = sizeOf(extents.slice(kept, -1))
  const wanted = Math.min(Math.ceil(reduced / limits.chunkRows), Math.ceil(limits.chunks / places))
  const chunkRows = Math.ceil(reduced / wanted)
  const chunks = Math.ceil(reduced / chunkRows)
  const length = extents[row]
  const lanes = Math.min(limits.lanes, powerOfTwoUpTo(Math.ceil(length / 2)))
  const accumulated = partialsOf(ordered, range(kept), chunks, buffers).map((partial) =>
    accumulationOf(partial, ordered, range(kept), chunks, limits)
  )
  const kernel: RowKernel = {
    _tag: 'row',
    loop: { ...ordered, stores: ordered.stores.filter(({ combine }) => combine === undefined) },
    accumulations: accumulated.map(({ accumulation }) => accumulation),
    kept,
    chunks,
    chunkRows,
    lanes,
    rows: Math.max(1, limits.workgroup / lanes),
    isUnrolled: Math.ceil(length / lanes) <= limits.held
  }
  return [kernel, ...accumulated.flatMap(({ after }) => after)]
}

/** Sets to the identity what combines, where the loop does not come to all of it. */
const identities = ({ extents, stores, body }: FusedLoop, { spec }: Buffers): ReadonlyArray<GpuKernel> =>
  stores.flatMap(({ buffer, at, combine, value }) => {
    const covered = sizeOf(extents.filter((_, axis) => at.strides[axis] !== 0))
    return combine === undefined || covered >= spec(buffer).size
      ? []
      : filled(buffer, spec(buffer), reductionIdentity(combine, body[value].dtype))
  })

export const loopKernels = (loop: FusedLoop, limits: GpuLimits, buffers: Buffers): ReadonlyArray<GpuKernel> => {
  const scatters = loop.stores.filter(({ scatter }) => scatter !== undefined)
  const others = loop.stores.filter(({ scatter }) => scatter === undefined)
  const plain = others.length === 0 ? undefined : storing(loop, others)
  const isMap = plain !== undefined && !plain.body.some(isFold) && others.every(({ combine }) => combine === undefined)
  const rows = (whole: FusedLoop): ReadonlyArray<GpuKernel> => {
    const cut = withShortRows(whole, limits)
    return alike(cut).flatMap((stores) => rowKernels(storing(cut, stores), limits, buffers))
  }
  return [
    ...(plain === undefined
      ? []
      : isMap
        ? [{ _tag: 'map', loop: plain } as const]
        : [...identities(plain, buffers), ...rows(plain)]),
    ...scatters.flatMap((store) => scatterKernels(storing(loop, [store]), limits, buffers))
  ]
}
