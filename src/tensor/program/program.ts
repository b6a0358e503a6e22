/**
 * A program: a tensor expression as data, in static single assignment form.
 *
 * Values are numbered: first the inputs, then the result of each instruction in order. An instruction reads only values
 * with smaller numbers. A program holds no closure, no typed array and no reference to the tensors it came from, so it
 * can be printed, stored, or sent to a worker.
 */

import type { DType } from '../dtype.js'
import type { Shape } from '../shape.js'
import type { Op } from '../tensor.js'

export type Spec = { readonly shape: Shape; readonly dtype: DType }

export type Named = Spec & { readonly name: string }

export type Instruction = Spec & { readonly op: Op; readonly inputs: ReadonlyArray<number> }

export type Program = {
  readonly inputs: ReadonlyArray<Named>
  readonly instructions: ReadonlyArray<Instruction>
  readonly outputs: ReadonlyArray<{ readonly name: string; readonly value: number }>
}

/** The instruction that makes value `v`; `undefined` for an input. */
export const instructionOf = ({ inputs, instructions }: Program, v: number): Instruction | undefined =>
  v < inputs.length ? undefined : instructions[v - inputs.length]

/** Shape and dtype of value `v`. */
export const specOf = (program: Program, v: number): Spec => instructionOf(program, v) ?? program.inputs[v]

export const outputSpecs = (program: Program): ReadonlyArray<Spec> =>
  program.outputs.map(({ value }) => specOf(program, value))
