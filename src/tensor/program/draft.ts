/**
 * Drafts: loop nests while the scheduler is still deciding what is computed inside them.
 *
 * A draft records which values it wants and at which places of their dense elements, as affine functions of its loops. It
 * is private to one call of `schedule`, and changes until its body is written out.
 */

import type { Shape } from '../shape.js'
import type { Affine, LoopStep } from './kernel.js'
import { listed } from './listed.js'
import { isElementwise } from './op-facts.js'
import { instructionOf, specOf, type Program } from './program.js'
import { readsOfInstruction, type Source } from './sources.js'
import { collapse, compose, coordinates, equalAffine, splitAffine, splitExtents, withStrides } from './views.js'

export type Draft = {
  extents: Shape
  /** The first `outer` loops walk the result; the rest are reduced away. */
  outer: number
  out: Affine
  /** The values whose elements the kernel is about, in the order the kernel kind knows them. */
  roots: ReadonlyArray<Source>
  /** The places of each base value that is wanted, each once. */
  readonly wanted: Map<number, Array<Affine>>
  /** How many instructions are computed inside. */
  computed: number
  /** The values that must have buffers for it as far as is known: what it wants and does not compute, and tables that it looks things up in. */
  readonly buffers: Set<number>
}

/** Loops over `extents`, the first `outer` of them writing to `out`, that want `roots`. */
export const draftOf = (extents: Shape, outer: number, out: Affine, roots: ReadonlyArray<Source>): Draft => {
  const draft: Draft = { extents, outer, out, roots, wanted: new Map(), computed: 0, buffers: new Set() }
  roots.forEach((root) => want(draft, root))
  return draft
}

/** Whether some element would be wanted at more than one point of the loops. */
export const repeats = (draft: Draft, at: Affine): boolean =>
  draft.extents.some((extent, axis) => extent > 1 && at.strides[axis] === 0)

/** The places of a value that are wanted. */
export const placesIn = ({ wanted }: Draft, base: number): ReadonlyArray<Affine> => wanted.get(base) ?? []

export const want = (draft: Draft, { base, at }: Source): void => {
  const places = listed(draft.wanted, base)
  if (!places.some((p) => equalAffine(p, at))) places.push(at)
}

/** What one value needs to be computed in a draft: its reads, over the loops of the draft. */
type Placed = { readonly operands: ReadonlyArray<Source>; readonly places: ReadonlyArray<Affine> }

export type Scope = {
  readonly program: Program
  readonly sources: ReadonlyArray<Source>
}

/**
 * The reads of element-wise value `v`, computed at place number `place` of those wanted. Loops are split where that makes
 * the reads affine; `undefined` where nothing does.
 */
export const placed = (scope: Scope, draft: Draft, v: number, place: number): Placed | undefined => {
  const instruction = instructionOf(scope.program, v)
  const reads = instruction && readsOfInstruction(scope.program, scope.sources, instruction)
  if (instruction === undefined || reads === undefined) return undefined
  const functions = [...reads.operands.map(({ at }) => at), ...reads.places]
  const { extents, lists } = collapse(
    instruction.shape,
    functions.map(({ strides }) => strides)
  )
  for (;;) {
    const at = placesIn(draft, v)[place]
    const found = coordinates(extents, at, draft.extents)
    if (found._tag === 'notAffine') return undefined
    if (found._tag === 'affine') {
      const over = functions.map(({ offset }, i) =>
        compose({ offset, strides: lists[i] }, found.axes, draft.extents.length)
      )
      return {
        operands: reads.operands.map(({ base }, i) => ({ base, at: over[i] })),
        places: over.slice(reads.operands.length)
      }
    }
    const { split } = found
    const again = (a: Affine): Affine => splitAffine(a, split)
    draft.extents = splitExtents(draft.extents, split)
    if (split.axis < draft.outer) draft.outer++
    draft.out = again(draft.out)
    draft.roots = draft.roots.map(({ base, at: a }) => ({ base, at: again(a) }))
    draft.wanted.forEach((places, base) => draft.wanted.set(base, places.map(again)))
  }
}

export type Body = {
  readonly extents: Shape
  readonly outer: number
  readonly out: Affine
  readonly steps: ReadonlyArray<LoopStep>
  /** The step of each root. */
  readonly roots: ReadonlyArray<number>
}

/**
 * The steps of a draft, each distinct value once. `bufferOf` gives the buffer of a value that has one; `inside` is the
 * value that the draft itself computes, which is not loaded though it has a buffer.
 */
export const bodyOf = (
  scope: Scope,
  draft: Draft,
  bufferOf: (base: number) => number | undefined,
  inside: number | undefined
): Body => {
  const steps: Array<LoopStep> = []
  const made = new Map<string, number>()

  const compute = (base: number, at: Affine): LoopStep => {
    const { dtype } = specOf(scope.program, base)
    const buffer = base === inside ? undefined : bufferOf(base)
    if (buffer !== undefined) return { _tag: 'load', dtype, buffer, at }
    const instruction = instructionOf(scope.program, base)
    const place = placesIn(draft, base).findIndex((a) => equalAffine(a, at))
    const reads = placed(scope, draft, base, place)
    if (instruction === undefined || reads === undefined)
      throw new Error(`schedule: value ${base} has neither a buffer nor a place in the loops that want it`)
    const { op, inputs } = instruction
    const args = reads.operands.map((operand) => value(operand))
    const from = (i: number) => specOf(scope.program, inputs[i])
    if (op._tag === 'randomBits')
      return {
        _tag: 'random',
        dtype: 'u32',
        at: reads.places[0],
        key: [args[0], args[1]],
        counter: [args[2], args[3]]
      }
    if (!isElementwise(op)) throw new Error(`schedule: ${op._tag} ${base} was computed in a loop`)
    switch (op._tag) {
      case 'constant':
        return { ...op, dtype }
      case 'iota':
        return { _tag: 'index', dtype, at: reads.places[0] }
      case 'unary':
        return { ...op, dtype, x: args[0] }
      case 'binary':
        return { ...op, dtype, x: args[0], y: args[1] }
      case 'compare':
        return { ...op, dtype: 'bool', of: from(0).dtype, x: args[0], y: args[1] }
      case 'select':
        return { ...op, dtype, condition: args[0], ifTrue: args[1], ifFalse: args[2] }
      case 'cast':
        return { ...op, dtype, from: from(0).dtype, x: args[0] }
      case 'gather': {
        const table = scope.sources[inputs[0]]
        const tableBuffer = bufferOf(table.base)
        if (tableBuffer === undefined) throw new Error(`schedule: the table of gather ${base} has no buffer`)
        return {
          _tag: 'lookup',
          dtype,
          buffer: tableBuffer,
          at: reads.places[0],
          index: args[0],
          extent: from(0).shape[op.axis],
          stride: table.at.strides[op.axis]
        }
      }
    }
  }

  const value = ({ base, at }: Source): number => {
    // A constant is the same everywhere, whatever the loops.
    const key =
      instructionOf(scope.program, base)?.op._tag === 'constant'
        ? `${base}`
        : `${base}@${at.offset}+${at.strides.join()}`
    const old = made.get(key)
    if (old !== undefined) return old
    const step = compute(base, at)
    made.set(key, steps.length)
    return steps.push(step) - 1
  }

  const roots = draft.roots.map(value)
  return tidy(draft, steps, roots)
}

/** Merges the loops that every access walks as one. */
const tidy = (draft: Draft, steps: ReadonlyArray<LoopStep>, roots: ReadonlyArray<number>): Body => {
  const functions = [draft.out, ...steps.flatMap((step) => ('at' in step ? [step.at] : []))]
  const part = (from: number, to: number): ReturnType<typeof collapse> =>
    collapse(
      draft.extents.slice(from, to),
      functions.map(({ strides }) => strides.slice(from, to))
    )
  const kept = part(0, draft.outer)
  const reduced = part(draft.outer, draft.extents.length)
  const strides = functions.map((_, i) => [...kept.lists[i], ...reduced.lists[i]])
  let next = 1
  const renamed = (at: Affine): Affine => withStrides(at, strides[next++])
  return {
    extents: [...kept.extents, ...reduced.extents],
    outer: kept.extents.length,
    out: withStrides(draft.out, kept.lists[0]),
    steps: steps.map((step) => ('at' in step ? { ...step, at: renamed(step.at) } : step)),
    roots
  }
}
