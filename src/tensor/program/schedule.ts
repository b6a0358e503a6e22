/**
 * Programs to kernel programs: what is computed together, and what gets a buffer.
 *
 * One walk from the last value to the first. By the time a value is reached, every kernel that wants it is known, with
 * the places it wants. An element-wise value wanted by a single kernel at a single place is computed inside that kernel;
 * constants and iota are computed wherever they are wanted; any other value gets a buffer and kernels of its own. So a
 * fused chain does each operation at most once per element of its result.
 *
 * A kernel never wants more values than the device binds buffers: one whose operands would be too many is not computed inside it.
 */

import type { DType } from '../dtype.js'
import { type Reduction, reductionIdentity } from '../elementwise.js'
import { sizeOf, type Shape } from '../shape.js'
import type { Op, OpOf } from '../tensor.js'
import { contractionOf, densified, flattened, isMatrix, operandOf, type ContractionOperand } from './contraction.js'
import { bodyOf, draftOf, placed, placesIn, repeats, want, type Body, type Draft, type Scope } from './draft.js'
import { elementBytes, impossibleIn, type DeviceLimits } from './device-limits.js'
import type { Affine, BufferSpec, Kernel, KernelProgram, LoopStep, View } from './kernel.js'
import { instructionOf, outputSpecs, specOf, type Instruction, type Program, type Spec } from './program.js'
import { factsOf, isElementwise, type ElementwiseOp } from './op-facts.js'
import { isFree, readsOfInstruction, sourcesOf, type Source } from './sources.js'
import { dense, isDense, withStrides } from './views.js'

/** A buffer before buffers are numbered: the value it holds, or a number past all values. */
type Slot = number

type Numbering = (slot: Slot) => number

type Scheduling = Scope & {
  readonly limits: DeviceLimits
  /** Constants that no kernel wants in memory: computed wherever they are wanted, they never have a buffer. */
  readonly bufferless: ReadonlySet<number>
  /** Values that have a buffer. */
  readonly stored: Set<number>
  /** The drafts that want each value. */
  readonly wantedBy: Map<number, Set<Draft>>
  /** Kernels, the last to run first, to be written out once it is known which values have buffers. */
  readonly pending: Array<(number: Numbering) => Kernel>
  /** What the slots past all values hold. */
  readonly extra: Array<BufferSpec>
}

const valuesOf = (program: Program): number => program.inputs.length + program.instructions.length

const shapeOf = ({ program }: Scheduling, v: number): Shape => specOf(program, v).shape

/** A buffer for a value. */
const bufferFor = ({ dtype, shape }: Spec): BufferSpec => ({ dtype, size: sizeOf(shape) })

const newSlot = (s: Scheduling, dtype: DType, size: number): Slot =>
  valuesOf(s.program) + s.extra.push({ dtype, size }) - 1

const demand = (s: Scheduling, draft: Draft, source: Source): void => {
  want(draft, source)
  if (!s.bufferless.has(source.base)) draft.buffers.add(source.base)
  const by = s.wantedBy.get(source.base)
  if (by === undefined) s.wantedBy.set(source.base, new Set([draft]))
  else by.add(draft)
}

const open = (s: Scheduling, extents: Shape, outer: number, out: Affine, roots: ReadonlyArray<Source>): Draft => {
  const draft = draftOf(extents, outer, out, roots)
  roots.forEach((root) => demand(s, draft, root))
  return draft
}

const bodyIn = (s: Scheduling, draft: Draft, number: Numbering, inside?: number): Body =>
  bodyOf(s, draft, (base) => (s.stored.has(base) ? number(base) : undefined), inside)

type LoopOptions = {
  /** How what the draft reduces is combined. */
  readonly fn?: Reduction
  /** The root where the draft computes it rather than copies it. */
  readonly inside?: number
  /** The steps of the loop, whose value is the last: of a draft with one root its own. */
  readonly stepsOf?: (body: Body) => ReadonlyArray<LoopStep>
}

/** The loop of a draft. */
const writeLoop = (
  s: Scheduling,
  slot: Slot,
  draft: Draft,
  { fn, inside, stepsOf = ({ steps }) => steps }: LoopOptions = {}
): void => {
  s.pending.push((number) => {
    const body = bodyIn(s, draft, number, inside)
    const { extents, outer, out } = body
    return {
      _tag: 'loop',
      extents: extents.slice(0, outer),
      reduce: fn && { fn, extents: extents.slice(outer) },
      body: stepsOf(body),
      out: { buffer: number(slot), at: out }
    }
  })
}

const fill = (s: Scheduling, slot: Slot, { dtype, shape }: Spec, value: number): void => {
  const size = sizeOf(shape)
  if (size === 0) return
  s.pending.push((number) => ({
    _tag: 'loop',
    extents: [size],
    reduce: undefined,
    body: [{ _tag: 'constant', dtype, value }],
    out: { buffer: number(slot), at: dense([size]) }
  }))
}

/** Writes the elements of `source`, walked over `extents`, to `out` of a slot. */
const copy = (s: Scheduling, slot: Slot, extents: Shape, out: Affine, source: Source): void => {
  if (sizeOf(extents) > 0) writeLoop(s, slot, open(s, extents, extents.length, out, [source]))
}

/** Makes a draft want what element-wise value `v` reads at one of the places it is wanted; false where that is not affine. */
const expand = (s: Scheduling, draft: Draft, v: number, { op, inputs }: Instruction, place: number): boolean => {
  const reads = placed(s, draft, v, place)
  if (reads === undefined) return false
  draft.computed++
  reads.operands.forEach((operand) => demand(s, draft, operand))
  if (op._tag === 'gather') {
    const { base } = s.sources[inputs[0]]
    s.stored.add(base)
    draft.buffers.add(base)
  }
  return true
}

/** What a value is computed from. Of random bits the counter is constant nearly always, and no buffer then. */
const basesOf = (s: Scheduling, instruction: Instruction): ReadonlyArray<number> =>
  instruction.op._tag === 'randomBits'
    ? (readsOfInstruction(s.program, s.sources, instruction)?.operands ?? []).map(({ base }) => base)
    : instruction.inputs.map((x) => s.sources[x].base)

/** Whether a draft still binds few enough buffers, with the one that it writes, where it computes `v` instead of loading it. */
const hasRoom = (s: Scheduling, { buffers }: Draft, instruction: Instruction): boolean => {
  const more = new Set(basesOf(s, instruction).filter((u) => !s.bufferless.has(u) && !buffers.has(u)))
  return buffers.size - 1 + more.size < s.limits.kernelBuffers
}

/**
 * Whether computing a value again wherever it is wanted costs less than keeping it: one quick operation on one large
 * operand, which would have to be kept instead, and small ones. A device that has values computed again once loops are joined decides then.
 */
const isCheap = (s: Scheduling, { op, inputs, shape, dtype }: Instruction): boolean => {
  if (s.limits.rematerialises) return false
  if (!factsOf(op).isQuick(op) || sizeOf(shape) < s.limits.largeSize) return false
  const bytes = (spec: Spec): number => sizeOf(spec.shape) * elementBytes(spec.dtype, s.limits)
  const own = bytes({ dtype, shape })
  const large = [...new Set(inputs.map((x) => s.sources[x].base))]
    .map((base) => bytes(specOf(s.program, base)))
    .filter((size) => 8 * size > own)
  return large.length <= 1 && large.every((size) => size <= own)
}

/** Whether loops draw these random bits wherever they want them. */
const isDrawn = ({ limits }: Scheduling, { op, shape }: Instruction): boolean =>
  op._tag === 'randomBits' && limits.drawsInLoops && sizeOf(shape) >= limits.largeSize

/** Computes `v` inside the kernels that want it, if that repeats no work to speak of. */
const inline = (s: Scheduling, v: number, instruction: Instruction): boolean => {
  const draws = isDrawn(s, instruction)
  if (s.stored.has(v) || !(isElementwise(instruction.op) || draws)) return false
  const drafts = [...(s.wantedBy.get(v) ?? [])]
  const places = drafts.flatMap((draft) => placesIn(draft, v).map((_, place) => ({ draft, place })))
  const mayGrow = (draft: Draft): boolean => draft.computed < s.limits.inlinedSteps && hasRoom(s, draft, instruction)
  const isDense = draws && places.every(({ draft, place }) => !repeats(draft, placesIn(draft, v)[place]))
  const mayRepeat = isFree(instruction.op) || ((isDense || isCheap(s, instruction)) && drafts.every(mayGrow))
  const [{ draft, place }] = places
  const once = places.length === 1 && !repeats(draft, placesIn(draft, v)[place]) && mayGrow(draft)
  const isInside = (mayRepeat || once) && places.every((at) => expand(s, at.draft, v, instruction, at.place))
  if (isInside) drafts.forEach(({ buffers }) => buffers.delete(v))
  return isInside
}

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
const make = (s: Scheduling, v: number, instruction: Instruction): void => {
  const { op } = instruction
  s.stored.add(v)
  if (isElementwise(op)) makeElementwise(s, v, instruction)
  else (makers[op._tag] as Making<Op>)(s, v, instruction, op)
}

/** Lets the value behind each output live in the output's own buffer where it can, and copies the others at the end. */
const placeOutputs = (s: Scheduling): ReadonlyMap<Slot, number> => {
  const first = s.program.inputs.length
  const numbers = new Map<Slot, number>()
  const specs = outputSpecs(s.program)
  s.program.outputs.forEach(({ value }, i) => {
    const { base, at } = s.sources[value]
    const { shape, dtype } = specs[i]
    const whole = base >= first && sizeOf(shape) === sizeOf(shapeOf(s, base)) && isDense(shape, at)
    if (whole && !numbers.has(base)) {
      numbers.set(base, first + i)
      s.stored.add(base)
      return
    }
    const slot = newSlot(s, dtype, sizeOf(shape))
    numbers.set(slot, first + i)
    copy(s, slot, shape, dense(shape), { base, at })
  })
  return numbers
}

/** Which operands of an operation must lie in memory, whoever computes them. */
const inMemoryFor = ({ op, inputs }: Instruction): ReadonlyArray<number> => {
  switch (op._tag) {
    case 'dot':
    case 'randomBits':
      return inputs
    case 'gather':
      return [inputs[0]]
    case 'constant':
    case 'iota':
    case 'unary':
    case 'binary':
    case 'compare':
    case 'select':
    case 'cast':
    case 'reshape':
    case 'permute':
    case 'broadcast':
    case 'slice':
    case 'barrier':
    case 'reduce':
    case 'pad':
    case 'concat':
    case 'scatterAdd':
      return []
  }
}

/** Constants that are no output, nor an operand that must lie in memory. */
const bufferlessIn = (program: Program, sources: ReadonlyArray<Source>): ReadonlySet<number> => {
  const values = [...program.outputs.map(({ value }) => value), ...program.instructions.flatMap(inMemoryFor)]
  const inMemory = new Set(values.map((v) => sources[v].base))
  return new Set(
    program.instructions.flatMap(({ op }, i) => {
      const v = program.inputs.length + i
      return op._tag === 'constant' && !inMemory.has(v) ? [v] : []
    })
  )
}

/** The kernels of a program for a device. A kernel whose result has no elements does not exist. */
export const schedule = (program: Program, limits: DeviceLimits): KernelProgram => {
  const impossible = impossibleIn(limits)
  if (impossible !== undefined) throw new Error(`schedule: ${impossible.found}, ${impossible.expected}`)
  const inputs = program.inputs.length
  const values = valuesOf(program)
  const sources = sourcesOf(program)
  const s: Scheduling = {
    program,
    limits,
    bufferless: bufferlessIn(program, sources),
    sources,
    stored: new Set(program.inputs.map((_, v) => v)),
    wantedBy: new Map(),
    pending: [],
    extra: []
  }
  const numbers = new Map<Slot, number>(placeOutputs(s))
  for (let v = values - 1; v >= inputs; v--) {
    const instruction = instructionOf(program, v)
    const isWanted = s.stored.has(v) || s.wantedBy.has(v)
    if (instruction === undefined || !isWanted || sizeOf(instruction.shape) === 0) continue
    if (!inline(s, v, instruction)) make(s, v, instruction)
  }

  const buffers: Array<BufferSpec> = [...program.inputs, ...outputSpecs(program)].map(bufferFor)
  const number = (slot: Slot): number => {
    if (slot < inputs) return slot
    const old = numbers.get(slot)
    if (old !== undefined) return old
    numbers.set(slot, buffers.length)
    return buffers.push(slot < values ? bufferFor(specOf(program, slot)) : s.extra[slot - values]) - 1
  }
  const kernels = [...s.pending].reverse().map((write) => write(number))
  return { inputs, outputs: program.outputs.length, buffers, kernels }
}
