/**
 * Where the elements of each value of a program come from.
 *
 * Movement computes nothing: its result is a view of an earlier value. Element-wise instructions compute one element from
 * the elements of their operands at affine places. Everything else makes a dense array of its own.
 */

import type { Op } from '../tensor.js'
import type { Affine } from './kernel.js'
import { factsOf, isElementwise } from './op-facts.js'
import { instructionOf, specOf, type Instruction, type Program } from './program.js'
import { dense, withStrides } from './views.js'

/** The elements of a value, as places in the dense row-major elements of value `base`. */
export type Source = { readonly base: number; readonly at: Affine }

const moved = (program: Program, { op, inputs, shape }: Instruction, { base, at }: Source): Source | undefined => {
  const view = factsOf(op).view(at, op, specOf(program, inputs[0]).shape, shape)
  return view === undefined ? undefined : { base, at: view }
}

/** The source of every value. A value that is no view of another is its own, densely. */
export const sourcesOf = (program: Program): ReadonlyArray<Source> => {
  const sources: Array<Source> = []
  for (let v = 0; v < program.inputs.length + program.instructions.length; v++) {
    const instruction = instructionOf(program, v)
    const view = instruction?.inputs.length ? moved(program, instruction, sources[instruction.inputs[0]]) : undefined
    sources.push(view ?? { base: v, at: dense(specOf(program, v).shape) })
  }
  return sources
}

/** What one element of an element-wise instruction is made of, over the axes of the instruction's shape. */
export type Reads = {
  /** Operands whose element is computed or loaded. */
  readonly operands: ReadonlyArray<Source>
  /** Affine functions used as numbers: the coordinate of an iota, the place of a gather before its index is added. */
  readonly places: ReadonlyArray<Affine>
}

const placesOfGather = (sources: ReadonlyArray<Source>, axis: number, inputs: ReadonlyArray<number>): Reads => {
  const table = sources[inputs[0]].at
  const { base, at } = sources[inputs[1]]
  const after = table.strides.length - axis - 1
  const zeros = (n: number): ReadonlyArray<number> => new Array<number>(n).fill(0)
  const index = withStrides(at, [...zeros(axis), ...at.strides, ...zeros(after)])
  const place = withStrides(table, [
    ...table.strides.slice(0, axis),
    ...at.strides.map(() => 0),
    ...table.strides.slice(axis + 1)
  ])
  return { operands: [{ base, at: index }], places: [place] }
}

/** Element `i` of a vector, over the given number of axes: of a concatenation, from the part that it is in. */
const elementAt = (program: Program, sources: ReadonlyArray<Source>, v: number, i: number, axes: number): Source => {
  const { base, at } = sources[v]
  const place = at.offset + i * at.strides[0]
  const made = instructionOf(program, base)
  if (made?.op._tag === 'concat' && made.shape.length === 1) {
    let first = 0
    for (const part of made.inputs) {
      const [length] = specOf(program, part).shape
      if (place < first + length) return elementAt(program, sources, part, place - first, axes)
      first += length
    }
  }
  return { base, at: { offset: place, strides: new Array<number>(axes).fill(0) } }
}

/** The two words of a key, then those of a counter; and the number of an element. */
const readsOfRandom = (
  program: Program,
  sources: ReadonlyArray<Source>,
  { inputs, shape }: Pick<Instruction, 'inputs' | 'shape'>
): Reads => ({
  operands: inputs.flatMap((v) => [0, 1].map((i) => elementAt(program, sources, v, i, shape.length))),
  places: [dense(shape)]
})

/** `undefined` for instructions of whose result no element can be had by itself. */
export const readsOfInstruction = (
  program: Program,
  sources: ReadonlyArray<Source>,
  { op, inputs, shape }: Instruction
): Reads | undefined => {
  if (op._tag === 'randomBits') return readsOfRandom(program, sources, { inputs, shape })
  if (!isElementwise(op)) return undefined
  switch (op._tag) {
    case 'iota':
      return { operands: [], places: [{ offset: 0, strides: shape.map((_, i) => (i === op.axis ? 1 : 0)) }] }
    case 'gather':
      return placesOfGather(sources, op.axis, inputs)
    case 'constant':
    case 'unary':
    case 'binary':
    case 'compare':
    case 'select':
    case 'cast':
      return { operands: inputs.map((u) => sources[u]), places: [] }
  }
}

/** Values that cost nothing to make again wherever they are wanted. */
export const isFree = (op: Op): boolean => op._tag === 'constant' || op._tag === 'iota'
