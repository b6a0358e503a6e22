/**
 * What is computed inside the kernels that want it, and has no buffer.
 */

import { sizeOf } from '../../shape.js'
import { elementBytes } from '../device-limits.js'
import { placesIn, repeats, type Draft } from '../draft.js'
import { factsOf, isElementwise } from '../op-facts.js'
import { specOf, type Instruction, type Spec } from '../program.js'
import { isFree, readsOfInstruction } from '../sources.js'
import { expand, type Scheduling } from './scheduling.js'

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
export const inline = (s: Scheduling, v: number, instruction: Instruction): boolean => {
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
