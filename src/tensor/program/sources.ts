/**
 * Where the elements of each value of a program come from.
 *
 * Movement computes nothing: its result is a view of an earlier value. Element-wise instructions compute one element from
 * the elements of their operands at affine places. Everything else makes a dense array of its own.
 */

import type { Binary, Unary } from '../elementwise.js'
import type { Op } from '../tensor.js'
import type { Affine } from './kernel.js'
import { instructionOf, specOf, type Instruction, type Program } from './program.js'
import { broadcastView, dense, permuteView, reshapeView, sliceView } from './views.js'

/** The elements of a value, as places in the dense row-major elements of value `base`. */
export type Source = { readonly base: number; readonly at: Affine }

const moved = (program: Program, { op, inputs, shape }: Instruction, { base, at }: Source): Source | undefined => {
  const from = specOf(program, inputs[0]).shape
  switch (op._tag) {
    case 'reshape': {
      const view = reshapeView(from, shape, at)
      return view === undefined ? undefined : { base, at: view }
    }
    case 'permute':
      return { base, at: permuteView(op, at) }
    case 'broadcast':
      return { base, at: broadcastView(from, shape, at) }
    case 'slice':
      return { base, at: sliceView(op, at) }
    case 'barrier':
      return { base, at }
    case 'constant':
    case 'iota':
    case 'unary':
    case 'binary':
    case 'compare':
    case 'select':
    case 'cast':
    case 'reduce':
    case 'pad':
    case 'concat':
    case 'dot':
    case 'gather':
    case 'scatterAdd':
    case 'randomBits':
      return undefined
  }
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

/** `undefined` for instructions that are not element-wise. */
export const readsOfInstruction = (
  sources: ReadonlyArray<Source>,
  { op, inputs, shape }: Instruction
): Reads | undefined => {
  switch (op._tag) {
    case 'constant':
      return { operands: [], places: [] }
    case 'iota':
      return { operands: [], places: [{ offset: 0, strides: shape.map((_, i) => (i === op.axis ? 1 : 0)) }] }
    case 'unary':
    case 'binary':
    case 'compare':
    case 'select':
    case 'cast':
      return { operands: inputs.map((u) => sources[u]), places: [] }
    case 'gather': {
      const table = sources[inputs[0]].at
      const { base, at } = sources[inputs[1]]
      const before = op.axis
      const after = table.strides.length - before - 1
      const zeros = (n: number): ReadonlyArray<number> => new Array<number>(n).fill(0)
      const index = { offset: at.offset, strides: [...zeros(before), ...at.strides, ...zeros(after)] }
      const place = {
        offset: table.offset,
        strides: [...table.strides.slice(0, before), ...at.strides.map(() => 0), ...table.strides.slice(before + 1)]
      }
      return { operands: [{ base, at: index }], places: [place] }
    }
    case 'reduce':
    case 'reshape':
    case 'permute':
    case 'broadcast':
    case 'slice':
    case 'pad':
    case 'concat':
    case 'dot':
    case 'scatterAdd':
    case 'randomBits':
    case 'barrier':
      return undefined
  }
}

/** Whether one element of the result is a function of single elements of the operands. */
export const isElementwise = (op: Op): boolean => {
  switch (op._tag) {
    case 'constant':
    case 'iota':
    case 'unary':
    case 'binary':
    case 'compare':
    case 'select':
    case 'cast':
    case 'gather':
      return true
    case 'reduce':
    case 'reshape':
    case 'permute':
    case 'broadcast':
    case 'slice':
    case 'pad':
    case 'concat':
    case 'dot':
    case 'scatterAdd':
    case 'randomBits':
    case 'barrier':
      return false
  }
}

/** Values that cost nothing to make again wherever they are wanted. */
export const isFree = (op: Op): boolean => op._tag === 'constant' || op._tag === 'iota'

/** Element-wise operations that take a processor about as long as loading an operand. */
export const isQuick = (op: Op): boolean => {
  switch (op._tag) {
    case 'unary':
      return quickUnaries[op.fn]
    case 'binary':
      return quickBinaries[op.fn]
    case 'compare':
    case 'select':
    case 'cast':
      return true
    case 'constant':
    case 'iota':
    case 'gather':
    case 'reduce':
    case 'reshape':
    case 'permute':
    case 'broadcast':
    case 'slice':
    case 'pad':
    case 'concat':
    case 'dot':
    case 'scatterAdd':
    case 'randomBits':
    case 'barrier':
      return false
  }
}

const quickUnaries: Record<Unary, boolean> = {
  neg: true,
  abs: true,
  sign: true,
  floor: true,
  exp: false,
  expm1: false,
  log: false,
  log1p: false,
  sqrt: false,
  rsqrt: false,
  sin: false,
  cos: false,
  tanh: false,
  erf: false,
  sigmoid: false,
  softplus: false,
  not: true
}

const quickBinaries: Record<Binary, boolean> = {
  add: true,
  sub: true,
  mul: true,
  div: false,
  rem: false,
  pow: false,
  max: true,
  min: true,
  and: true,
  or: true,
  xor: true,
  shl: true,
  shr: true
}
