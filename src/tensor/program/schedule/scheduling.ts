/**
 * Scheduling on its way: which values want which, what has a buffer, and the kernels that are to be written.
 */

import type { DType } from '../../dtype.js'
import type { Reduction } from '../../elementwise.js'
import { sizeOf, type Shape } from '../../shape.js'
import type { DeviceLimits } from '../device-limits.js'
import { bodyOf, draftOf, placed, want, type Body, type Draft, type Scope } from '../draft.js'
import type { Affine, BufferSpec, Kernel, LoopStep } from '../kernel.js'
import { specOf, type Instruction, type Program, type Spec } from '../program.js'
import type { Source } from '../sources.js'
import { dense } from '../views.js'

/** A buffer before buffers are numbered: the value it holds, or a number past all values. */
export type Slot = number

export type Numbering = (slot: Slot) => number

export type Scheduling = Scope & {
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

export const valuesOf = (program: Program): number => program.inputs.length + program.instructions.length

export const shapeOf = ({ program }: Scheduling, v: number): Shape => specOf(program, v).shape

/** A buffer for a value. */
export const bufferFor = ({ dtype, shape }: Spec): BufferSpec => ({ dtype, size: sizeOf(shape) })

export const newSlot = (s: Scheduling, dtype: DType, size: number): Slot =>
  valuesOf(s.program) + s.extra.push({ dtype, size }) - 1

const demand = (s: Scheduling, draft: Draft, source: Source): void => {
  want(draft, source)
  if (!s.bufferless.has(source.base)) draft.buffers.add(source.base)
  const by = s.wantedBy.get(source.base)
  if (by === undefined) s.wantedBy.set(source.base, new Set([draft]))
  else by.add(draft)
}

export const open = (
  s: Scheduling,
  extents: Shape,
  outer: number,
  out: Affine,
  roots: ReadonlyArray<Source>
): Draft => {
  const draft = draftOf(extents, outer, out, roots)
  roots.forEach((root) => demand(s, draft, root))
  return draft
}

export const bodyIn = (s: Scheduling, draft: Draft, number: Numbering, inside?: number): Body =>
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
export const writeLoop = (
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

export const fill = (s: Scheduling, slot: Slot, { dtype, shape }: Spec, value: number): void => {
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
export const copy = (s: Scheduling, slot: Slot, extents: Shape, out: Affine, source: Source): void => {
  if (sizeOf(extents) > 0) writeLoop(s, slot, open(s, extents, extents.length, out, [source]))
}

/** Makes a draft want what element-wise value `v` reads at one of the places it is wanted; false where that is not affine. */
export const expand = (s: Scheduling, draft: Draft, v: number, { op, inputs }: Instruction, place: number): boolean => {
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
