/**
 * The tensor: an immutable expression node with a shape and a dtype, over a closed union of primitive operations.
 *
 * Building one allocates a node and computes nothing. The constructors here check shapes and dtypes strictly (nothing is
 * broadcast or converted silently) and throw `TensorFault`; the vocabulary that users write is in `ops/`.
 */

import { describe } from './describe.js'
import { dtypes, holds, type DType } from './dtype.js'
import { acceptsBinary, acceptsComparison, acceptsUnary, numeric } from './elementwise.js'
import type { Binary, Comparison, Reduction, Unary } from './elementwise.js'
import { axisOutOfRange, dtypeMismatch, invalidArgument, shapeMismatch } from './fault.js'
import { unevaluated } from './inspection.js'
import { range } from './range.js'
import { broadcastsTo, equalShapes, showShape, sizeOf, type Shape } from './shape.js'
import { isTensor } from './tree.js'

/** Operations that a program may hold, as data. `OpOf<'reduce'>` picks one. */
export type Op =
  /** A double that each device rounds for itself. Shape `[]`. A promise that the number never changes. */
  | { readonly _tag: 'constant'; readonly value: number }
  /** `out[i0, ..] = i_axis`. */
  | { readonly _tag: 'iota'; readonly axis: number }
  | { readonly _tag: 'unary'; readonly fn: Unary }
  | { readonly _tag: 'binary'; readonly fn: Binary }
  | { readonly _tag: 'compare'; readonly fn: Comparison }
  /** Inputs condition (bool), ifTrue, ifFalse: all of one shape. */
  | { readonly _tag: 'select' }
  /**
   * To another dtype. f32 to integer truncates toward zero, saturates at the range's ends and takes NaN to 0; between
   * i32 and u32 the bits stay; to bool is `x != 0`; integer to f32 rounds to nearest.
   */
  | { readonly _tag: 'cast' }
  /** Removes `axes` (ascending). An empty sum is 0; an empty f32 max is -Infinity, min Infinity; of integers the extremes. */
  | { readonly _tag: 'reduce'; readonly fn: Reduction; readonly axes: ReadonlyArray<number> }
  | { readonly _tag: 'reshape' }
  /** `out.shape[i] = x.shape[order[i]]`. */
  | { readonly _tag: 'permute'; readonly order: ReadonlyArray<number> }
  /** NumPy's rule, aligned at the last axis: to the node's own shape. */
  | { readonly _tag: 'broadcast' }
  /** `out[i] = x[start + i * step]` per axis, steps positive; the node's shape says how many. */
  | { readonly _tag: 'slice'; readonly start: ReadonlyArray<number>; readonly step: ReadonlyArray<number> }
  /** Puts `x[i]` at `low + i * (interior + 1)` per axis; everything else is `value`. */
  | {
      readonly _tag: 'pad'
      readonly low: ReadonlyArray<number>
      readonly high: ReadonlyArray<number>
      readonly interior: ReadonlyArray<number>
      readonly value: number
    }
  | { readonly _tag: 'concat'; readonly axis: number }
  /**
   * Batched contraction. Result axes: batch, then the free axes of the left in order, then those of the right.
   * f32, i32 and u32. A device may take subnormal elements for zeros.
   */
  | { readonly _tag: 'dot'; readonly batch: AxisPairs; readonly contract: AxisPairs }
  /**
   * Inputs x, indices (i32). `out[p.., i.., s..] = x[p.., indices[i..], s..]`, the indices' axes standing where `axis`
   * was. An index outside `[0, n)` reads 0.
   */
  | { readonly _tag: 'gather'; readonly axis: number }
  /**
   * Inputs indices (i32), updates. Transpose of gather: zeros of the node's shape, to which
   * `out[p.., indices[i..], s..] += updates[p.., i.., s..]`. An index outside `[0, n)` adds nowhere.
   */
  | { readonly _tag: 'scatterAdd'; readonly axis: number }
  /**
   * Inputs key (u32 [2]), counter (u32 [2]). Element `i` of the flattened result is word `i mod 2` of
   * `threefry2x32(key, [counter[0] + floor(i / 2), counter[1]])`, wrapping.
   */
  | { readonly _tag: 'randomBits' }
  /** Inputs x, and a tensor that must be computed first. The value is x; nothing is shared across a barrier. */
  | { readonly _tag: 'barrier' }

/** Pairs of axes: `left[i]` of the left operand goes with `right[i]` of the right. */
export type AxisPairs = { readonly left: ReadonlyArray<number>; readonly right: ReadonlyArray<number> }

/** Nodes that are gone once a program is made. */
export type Marker =
  /** A place for an argument, made by `trace`. */
  | { readonly _tag: 'input'; readonly name: string }
  /** Known values, held aside in `literal.ts`. */
  | { readonly _tag: 'literal' }
  /** x itself, as a node of its own: what a gradient is taken with respect to. */
  | { readonly _tag: 'identity' }
  | { readonly _tag: 'stopGradient' }
  /** Input 0 is the value; the rest are the arguments that `vjp` gives cotangents for. */
  | { readonly _tag: 'custom'; readonly vjp: CustomVjp }

/** Cotangents of the arguments (`undefined` is zero), from the result's cotangent. Must be linear in it. */
export type CustomVjp = (
  cotangent: Tensor,
  value: Tensor,
  args: ReadonlyArray<Tensor>
) => ReadonlyArray<Tensor | undefined>

const markerTags: Record<Marker['_tag'], true> = {
  input: true,
  literal: true,
  identity: true,
  stopGradient: true,
  custom: true
}

export const isMarker = (op: Op | Marker): op is Marker => op._tag in markerTags

export type OpOf<Tag extends Op['_tag']> = Extract<Op, { readonly _tag: Tag }>

export type Tensor = {
  readonly op: Op | Marker
  readonly inputs: ReadonlyArray<Tensor>
  readonly shape: Shape
  readonly dtype: DType
}

const node = (
  op: Op | Marker,
  inputs: ReadonlyArray<Tensor>,
  shape: Shape,
  dtype: DType,
  prototype: object = unevaluated
): Tensor => {
  // Engines make an object of a prototype three times faster than they give one to an object.
  const made = Object.create(prototype) as { -readonly [Field in keyof Tensor]: Tensor[Field] }
  made.op = Object.freeze(op)
  made.inputs = Object.freeze([...inputs])
  made.shape = Object.freeze([...shape])
  made.dtype = dtype
  return Object.freeze(made)
}

/** Of the dtype of `x`, and of its shape and with it as its one input unless told otherwise. */
const nodeLike = (x: Tensor, op: Op | Marker, inputs: ReadonlyArray<Tensor> = [x], shape: Shape = x.shape): Tensor =>
  node(op, inputs, shape, x.dtype)

/** Of the dtype of `x`, its one input, and of another shape. */
const reshaped = (x: Tensor, op: Op, shape: Shape): Tensor => nodeLike(x, op, [x], shape)

// ------------------------------------------------------------------ checks

/** `axis` counted from the front; negative axes count from the back. */
export const resolveAxis = (op: string, axis: number, rank: number): number => {
  const resolved = axis < 0 ? axis + rank : axis
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= rank) throw axisOutOfRange(op, axis, rank)
  return resolved
}

const expectSameShape = (op: string, a: Tensor, b: Tensor): void => {
  if (!equalShapes(a.shape, b.shape)) throw shapeMismatch(op, a.shape, b.shape)
}

/** What the types say, for callers that have none. */
export const expectTensor = (op: string, x: unknown): void => {
  if (!isTensor(x)) throw invalidArgument(op, describe(x), 'a tensor')
}

/** The same of a dtype. */
export const expectKnown = (op: string, dtype: DType): void => {
  if (!dtypes.includes(dtype)) throw invalidArgument(op, `dtype ${describe(dtype)}`, dtypes.join(', '))
}

const expectSameDType = (op: string, a: Tensor, b: Tensor): void => {
  if (a.dtype !== b.dtype) throw dtypeMismatch(op, [a.dtype, b.dtype], 'one dtype on both sides')
}

/** Two operands alike, of a dtype that `op` accepts. */
const expectAlike = (op: string, a: Tensor, b: Tensor, accepts: ReadonlyArray<DType>): void => {
  expectSameDType(op, a, b)
  expectDType(op, a, accepts)
  expectSameShape(op, a, b)
}

const expectDType = (op: string, x: Tensor, accepts: ReadonlyArray<DType>): void => {
  expectTensor(op, x)
  if (!accepts.includes(x.dtype)) throw dtypeMismatch(op, [x.dtype], accepts.join(' or '))
}

const expectIndices = (op: string, indices: Tensor): void => {
  expectTensor(op, indices)
  if (indices.dtype !== 'i32')
    throw dtypeMismatch(op, [indices.dtype], "i32 indices: tensor(ids, { dtype: 'i32' }), or cast('i32')")
}

export const expectExtents = (op: string, shape: Shape): void => {
  if (!Array.isArray(shape)) throw invalidArgument(op, describe(shape), 'a list of extents')
  if (!shape.every((d) => Number.isSafeInteger(d) && d >= 0))
    throw invalidArgument(op, showShape(shape), 'extents that are non-negative integers')
  if (sizeOf(shape) > 2 ** 31 - 1) throw invalidArgument(op, showShape(shape), 'fewer than 2^31 elements')
}

const expectIntegers = (op: string, what: string, values: ReadonlyArray<number>, rank: number, least: number): void => {
  if (values.length !== rank || !values.every((v) => Number.isInteger(v) && v >= least))
    throw invalidArgument(op, `${what} ${showShape(values)}`, `${rank} integers of at least ${least}`)
}

// ------------------------------------------------------------ constructors

export const inputNode = (name: string, shape: Shape, dtype: DType): Tensor => {
  expectExtents('input', shape)
  expectKnown('input', dtype)
  return node({ _tag: 'input', name }, [], shape, dtype)
}

/** Only `literal.ts` calls this: a literal without its values is nothing. `prototype` says how it is inspected. */
export const literalNode = (shape: Shape, dtype: DType, prototype: object): Tensor => {
  expectExtents('tensor', shape)
  return node({ _tag: 'literal' }, [], shape, dtype, prototype)
}

export const identityNode = (x: Tensor): Tensor => nodeLike(x, { _tag: 'identity' })

export const stopGradientNode = (x: Tensor): Tensor => nodeLike(x, { _tag: 'stopGradient' })

export const customNode = (vjp: CustomVjp, value: Tensor, args: ReadonlyArray<Tensor>): Tensor =>
  nodeLike(value, { _tag: 'custom', vjp }, [value, ...args])

/** A scalar, shape `[]`. For bool, 0 or 1; integers must be in range. */
export const constantNode = (value: number, dtype: DType): Tensor => {
  expectKnown('constant', dtype)
  if (!holds(dtype, value)) throw invalidArgument('constant', String(value), `a value that ${dtype} holds`)
  return node({ _tag: 'constant', value }, [], [], dtype)
}

export const iotaNode = (shape: Shape, axis: number, dtype: DType): Tensor => {
  expectExtents('iota', shape)
  expectKnown('iota', dtype)
  if (dtype === 'bool') throw dtypeMismatch('iota', [dtype], 'f32, i32 or u32')
  return node({ _tag: 'iota', axis: resolveAxis('iota', axis, shape.length) }, [], shape, dtype)
}

export const unaryNode = (fn: Unary, x: Tensor): Tensor => {
  expectDType(fn, x, acceptsUnary(fn))
  return nodeLike(x, { _tag: 'unary', fn })
}

export const binaryNode = (fn: Binary, a: Tensor, b: Tensor): Tensor => {
  expectAlike(fn, a, b, acceptsBinary(fn))
  return nodeLike(a, { _tag: 'binary', fn }, [a, b])
}

export const compareNode = (fn: Comparison, a: Tensor, b: Tensor): Tensor => {
  expectAlike(fn, a, b, acceptsComparison(fn))
  return node({ _tag: 'compare', fn }, [a, b], a.shape, 'bool')
}

export const selectNode = (condition: Tensor, ifTrue: Tensor, ifFalse: Tensor): Tensor => {
  expectDType('where', condition, ['bool'])
  expectSameDType('where', ifTrue, ifFalse)
  expectSameShape('where', condition, ifTrue)
  expectSameShape('where', ifTrue, ifFalse)
  return nodeLike(ifTrue, { _tag: 'select' }, [condition, ifTrue, ifFalse])
}

export const castNode = (dtype: DType, x: Tensor): Tensor => {
  expectKnown('cast', dtype)
  return node({ _tag: 'cast' }, [x], x.shape, dtype)
}

export const reduceNode = (fn: Reduction, axes: ReadonlyArray<number>, x: Tensor): Tensor => {
  expectDType(fn, x, numeric)
  const resolved = axes.map((a) => resolveAxis(fn, a, x.shape.length)).sort((a, b) => a - b)
  if (new Set(resolved).size !== resolved.length)
    throw invalidArgument(fn, `axes ${showShape(axes)}`, 'each axis at most once')
  const shape = x.shape.filter((_, i) => !resolved.includes(i))
  // Without an axis of extent 0 there may be more elements than before.
  expectExtents(fn, shape)
  return reshaped(x, { _tag: 'reduce', fn, axes: resolved }, shape)
}

export const reshapeNode = (shape: Shape, x: Tensor): Tensor => {
  expectExtents('reshape', shape)
  if (sizeOf(shape) !== sizeOf(x.shape)) throw shapeMismatch('reshape', x.shape, shape)
  return reshaped(x, { _tag: 'reshape' }, shape)
}

export const permuteNode = (order: ReadonlyArray<number>, x: Tensor): Tensor => {
  const rank = x.shape.length
  const resolved = order.map((a) => resolveAxis('permute', a, rank))
  if (resolved.length !== rank || new Set(resolved).size !== rank)
    throw invalidArgument('permute', `order ${showShape(order)}`, `each of ${rank} axes once`)
  return reshaped(
    x,
    { _tag: 'permute', order: resolved },
    resolved.map((a) => x.shape[a])
  )
}

export const broadcastNode = (shape: Shape, x: Tensor): Tensor => {
  expectExtents('broadcast', shape)
  if (!broadcastsTo(x.shape, shape)) throw shapeMismatch('broadcast', x.shape, shape)
  return reshaped(x, { _tag: 'broadcast' }, shape)
}

export const sliceNode = (
  start: ReadonlyArray<number>,
  step: ReadonlyArray<number>,
  shape: Shape,
  x: Tensor
): Tensor => {
  const rank = x.shape.length
  expectIntegers('slice', 'start', start, rank, 0)
  expectIntegers('slice', 'step', step, rank, 1)
  expectIntegers('slice', 'shape', shape, rank, 0)
  shape.forEach((d, i) => {
    if (d > 0 && start[i] + (d - 1) * step[i] >= x.shape[i]) throw shapeMismatch('slice', x.shape, shape)
  })
  return reshaped(x, { _tag: 'slice', start: [...start], step: [...step] }, shape)
}

export const padNode = (
  low: ReadonlyArray<number>,
  high: ReadonlyArray<number>,
  interior: ReadonlyArray<number>,
  value: number,
  x: Tensor
): Tensor => {
  const rank = x.shape.length
  for (const [what, widths] of Object.entries({ low, high, interior })) expectIntegers('pad', what, widths, rank, 0)
  constantNode(value, x.dtype)
  const shape = x.shape.map((d, i) => low[i] + high[i] + d + Math.max(0, d - 1) * interior[i])
  expectExtents('pad', shape)
  return reshaped(x, { _tag: 'pad', low: [...low], high: [...high], interior: [...interior], value }, shape)
}

export const concatNode = (axis: number, parts: ReadonlyArray<Tensor>): Tensor => {
  const [first, ...rest] = parts
  if (first === undefined) throw invalidArgument('concat', 'no tensors', 'at least one')
  expectTensor('concat', first)
  const resolved = resolveAxis('concat', axis, first.shape.length)
  for (const part of rest) {
    expectTensor('concat', part)
    expectSameDType('concat', first, part)
    const fits =
      part.shape.length === first.shape.length && part.shape.every((d, i) => i === resolved || d === first.shape[i])
    if (!fits) throw shapeMismatch('concat', first.shape, part.shape)
  }
  const total = parts.reduce((n, p) => n + p.shape[resolved], 0)
  const shape = first.shape.map((d, i) => (i === resolved ? total : d))
  expectExtents('concat', shape)
  return nodeLike(first, { _tag: 'concat', axis: resolved }, parts, shape)
}

/** The axes of an operand that are in no pair, in order. */
export const freeAxes = (
  rank: number,
  batch: ReadonlyArray<number>,
  contract: ReadonlyArray<number>
): ReadonlyArray<number> => range(rank).filter((i) => !batch.includes(i) && !contract.includes(i))

export const dotNode = (batch: AxisPairs, contract: AxisPairs, a: Tensor, b: Tensor): Tensor => {
  expectSameDType('dot', a, b)
  expectDType('dot', a, numeric)
  const resolve = (pairs: AxisPairs): AxisPairs => ({
    left: pairs.left.map((i) => resolveAxis('dot', i, a.shape.length)),
    right: pairs.right.map((i) => resolveAxis('dot', i, b.shape.length))
  })
  const [bt, ct] = [resolve(batch), resolve(contract)]
  const paired = (p: AxisPairs): boolean =>
    p.left.length === p.right.length && p.left.every((l, i) => a.shape[l] === b.shape[p.right[i]])
  const once = (axes: ReadonlyArray<number>): boolean => new Set(axes).size === axes.length
  if (!paired(bt) || !paired(ct) || !once([...bt.left, ...ct.left]) || !once([...bt.right, ...ct.right]))
    throw shapeMismatch('dot', a.shape, b.shape)
  const shape = [
    ...bt.left.map((i) => a.shape[i]),
    ...freeAxes(a.shape.length, bt.left, ct.left).map((i) => a.shape[i]),
    ...freeAxes(b.shape.length, bt.right, ct.right).map((i) => b.shape[i])
  ]
  expectExtents('dot', shape)
  return nodeLike(a, { _tag: 'dot', batch: bt, contract: ct }, [a, b], shape)
}

export const gatherNode = (axis: number, x: Tensor, indices: Tensor): Tensor => {
  expectIndices('gather', indices)
  const resolved = resolveAxis('gather', axis, x.shape.length)
  const shape = [...x.shape.slice(0, resolved), ...indices.shape, ...x.shape.slice(resolved + 1)]
  expectExtents('gather', shape)
  return nodeLike(x, { _tag: 'gather', axis: resolved }, [x, indices], shape)
}

export const scatterAddNode = (axis: number, shape: Shape, indices: Tensor, updates: Tensor): Tensor => {
  expectExtents('scatterAdd', shape)
  expectIndices('scatterAdd', indices)
  expectDType('scatterAdd', updates, numeric)
  const resolved = resolveAxis('scatterAdd', axis, shape.length)
  const expected = [...shape.slice(0, resolved), ...indices.shape, ...shape.slice(resolved + 1)]
  if (!equalShapes(expected, updates.shape)) throw shapeMismatch('scatterAdd', updates.shape, expected)
  return nodeLike(updates, { _tag: 'scatterAdd', axis: resolved }, [indices, updates], shape)
}

export const randomBitsNode = (shape: Shape, key: Tensor, counter: Tensor): Tensor => {
  expectExtents('randomBits', shape)
  for (const words of [key, counter]) {
    expectDType('randomBits', words, ['u32'])
    if (!equalShapes(words.shape, [2])) throw shapeMismatch('randomBits', words.shape, [2])
  }
  return node({ _tag: 'randomBits' }, [key, counter], shape, 'u32')
}

export const barrierNode = (x: Tensor, after: Tensor): Tensor => nodeLike(x, { _tag: 'barrier' }, [x, after])
