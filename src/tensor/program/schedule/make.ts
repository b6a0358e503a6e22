/**
 * The kernels that fill the buffer of a value, by its operation.
 */

import { reductionIdentity } from '../../elementwise.js'
import { sizeOf } from '../../shape.js'
import type { Op, OpOf } from '../../tensor.js'
import { contractionOf, densified, flattened, isMatrix, operandOf, type ContractionOperand } from '../contraction.js'
import { draftOf } from '../draft.js'
import type { View } from '../kernel.js'
import { isElementwise, type ElementwiseOp } from '../op-facts.js'
import type { Instruction } from '../program.js'
import type { Source } from '../sources.js'
import { dense, withStrides } from '../views.js'
import {
  bodyIn,
  copy,
  expand,
  fill,
  newSlot,
  open,
  shapeOf,
  writeLoop,
  type Numbering,
  type Scheduling
} from './scheduling.js'

const makeElementwise = (s: Scheduling, v: number, instruction: Instruction): void => {
  const at = dense(instruction.shape)
  const draft = draftOf(instruction.shape, instruction.shape.length, at, [{ base: v, at }])
  if (!expand(s, draft, v, instruction, 0)) throw new Error(`schedule: value ${v} is not affine in its own coordinates`)
  writeLoop(s, v, draft, { inside: v })
}

const makeReduce = (s: Scheduling, v: number, instruction: Instruction, { fn, axes }: OpOf<'reduce'>): void => {
  const { shape, dtype } = instruction
  const [x] = instruction.inputs
  const from = shapeOf(s, x)
  if (sizeOf(from) === 0) return fill(s, v, instruction, reductionIdentity(fn, dtype))
  const order = [...from.map((_, axis) => axis).filter((axis) => !axes.includes(axis)), ...axes]
  const ordered = (list: ReadonlyArray<number>): ReadonlyArray<number> => order.map((axis) => list[axis])
  const { base, at } = s.sources[x]
  const out = { offset: 0, strides: [...dense(shape).strides, ...axes.map(() => 0)] }
  const root = { base, at: withStrides(at, ordered(at.strides)) }
  writeLoop(s, v, open(s, ordered(from), shape.length, out, [root]), { fn })
}

const makePad = (s: Scheduling, v: number, instruction: Instruction, op: OpOf<'pad'>): void => {
  const [x] = instruction.inputs
  const { strides } = dense(instruction.shape)
  const out = {
    offset: strides.reduce((sum, stride, axis) => sum + stride * op.low[axis], 0),
    strides: strides.map((stride, axis) => stride * (op.interior[axis] + 1))
  }
  copy(s, v, shapeOf(s, x), out, s.sources[x])
  fill(s, v, instruction, op.value)
}

const makeConcat = (s: Scheduling, v: number, { inputs, shape }: Instruction, { axis }: OpOf<'concat'>): void => {
  const { strides } = dense(shape)
  let end = shape[axis]
  for (const part of [...inputs].reverse()) {
    const from = shapeOf(s, part)
    end -= from[axis]
    copy(s, v, from, { offset: end * strides[axis], strides }, s.sources[part])
  }
}

const makeDot = (s: Scheduling, v: number, instruction: Instruction, { batch, contract }: OpOf<'dot'>): void => {
  const [a, b] = instruction.inputs
  const left = operandOf(shapeOf(s, a), s.sources[a].at, batch.left, contract.left)
  const right = operandOf(shapeOf(s, b), s.sources[b].at, batch.right, contract.right)
  if (sizeOf(left.contract.extents) === 0) return fill(s, v, instruction, 0)
  if (instruction.dtype === 'f32') return makeProduct(s, v, [a, b], [left, right])
  return makeIntegerDot(s, v, instruction, [a, b], [left, right])
}

/** A product of f32 for the multiplier. Operands that are no strided matrices are laid out anew first. */
const makeProduct = (
  s: Scheduling,
  v: number,
  values: readonly [number, number],
  operands: readonly [ContractionOperand, ContractionOperand]
): void => {
  const [left, right] = values.map((x, side) => {
    const operand = operands[side]
    if (isMatrix(operand)) return { slot: s.sources[x].base, operand, from: undefined }
    return { slot: newSlot(s, 'f32', sizeOf(flattened(operand).extents)), operand: densified(operand), from: operand }
  })
  s.pending.push((number) => ({
    _tag: 'contraction',
    left: number(left.slot),
    right: number(right.slot),
    out: number(v),
    contraction: contractionOf(left.operand, right.operand)
  }))
  for (const [side, { slot, from }] of [left, right].entries()) {
    const { base } = s.sources[values[side]]
    if (from === undefined) s.stored.add(base)
    else {
      const { extents, at } = flattened(from)
      copy(s, slot, extents, dense(extents), { base, at })
    }
  }
}

const makeIntegerDot = (
  s: Scheduling,
  v: number,
  { shape, dtype }: Instruction,
  values: readonly [number, number],
  [left, right]: readonly [ContractionOperand, ContractionOperand]
): void => {
  const zeros = (list: ReadonlyArray<number>): ReadonlyArray<number> => list.map(() => 0)
  const extents = [...left.batch.extents, ...left.free.extents, ...right.free.extents, ...left.contract.extents]
  const strides = [
    [...left.batch.strides, ...left.free.strides, ...zeros(right.free.strides), ...left.contract.strides],
    [...right.batch.strides, ...zeros(left.free.strides), ...right.free.strides, ...right.contract.strides]
  ]
  const roots = values.map((x, side) => ({
    base: s.sources[x].base,
    at: { offset: [left, right][side].offset, strides: strides[side] }
  }))
  const out = { offset: 0, strides: [...dense(shape).strides, ...zeros(left.contract.extents)] }
  writeLoop(s, v, open(s, extents, shape.length, out, roots), {
    fn: 'sum',
    stepsOf: ({ steps, roots: [x, y] }) => [...steps, { _tag: 'binary', dtype, fn: 'mul', x, y }]
  })
}

const makeScatter = (s: Scheduling, v: number, instruction: Instruction, { axis }: OpOf<'scatterAdd'>): void => {
  const [indices, updates] = instruction.inputs
  const { shape } = instruction
  const from = shapeOf(s, updates)
  if (sizeOf(from) === 0) return fill(s, v, instruction, 0)
  const { strides } = dense(shape)
  const index = s.sources[indices]
  const before = strides.slice(0, axis)
  const after = strides.slice(axis + 1)
  const draft = open(
    s,
    from,
    from.length,
    { offset: 0, strides: [...before, ...index.at.strides.map(() => 0), ...after] },
    [
      {
        base: index.base,
        at: withStrides(index.at, [...before.map(() => 0), ...index.at.strides, ...after.map(() => 0)])
      },
      s.sources[updates]
    ]
  )
  s.pending.push((number) => {
    const { extents, out, steps, roots } = bodyIn(s, draft, number)
    return {
      _tag: 'scatter',
      extents,
      body: steps,
      index: roots[0],
      value: roots[1],
      extent: shape[axis],
      stride: strides[axis],
      size: sizeOf(shape),
      out: { buffer: number(v), at: out }
    }
  })
}

const makeRandom = (s: Scheduling, v: number, { inputs, shape }: Instruction): void => {
  const [key, counter] = inputs.map((x) => s.sources[x])
  s.stored.add(key.base)
  s.stored.add(counter.base)
  const view = (number: Numbering, { base, at }: Source): View => ({ buffer: number(base), at })
  s.pending.push((number) => ({
    _tag: 'random',
    key: view(number, key),
    counter: view(number, counter),
    out: number(v),
    size: sizeOf(shape)
  }))
}

/** The same elements in the same order, in a buffer of their own: a movement that no view expresses. */
const makeCopy = (s: Scheduling, v: number, { inputs }: Instruction): void => {
  const from = shapeOf(s, inputs[0])
  copy(s, v, from, dense(from), s.sources[inputs[0]])
}

type Making<O extends Op> = (s: Scheduling, v: number, instruction: Instruction, op: O) => void

const makers: { readonly [Tag in Exclude<Op['_tag'], ElementwiseOp['_tag']>]: Making<OpOf<Tag>> } = {
  reduce: makeReduce,
  pad: makePad,
  concat: makeConcat,
  dot: makeDot,
  scatterAdd: makeScatter,
  randomBits: makeRandom,
  reshape: makeCopy,
  permute: makeCopy,
  broadcast: makeCopy,
  slice: makeCopy,
  barrier: makeCopy
}

/** Gives `v` a buffer and the kernels that fill it. */
export const make = (s: Scheduling, v: number, instruction: Instruction): void => {
  const { op } = instruction
  s.stored.add(v)
  if (isElementwise(op)) makeElementwise(s, v, instruction)
  else (makers[op._tag] as Making<Op>)(s, v, instruction, op)
}
