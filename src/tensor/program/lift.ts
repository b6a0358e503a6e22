/**
 * Numbers in a program as an input of it, so that expressions that differ only in them are one program.
 *
 * Lifted are f32 numbers that element-wise arithmetic, comparisons and choices take, directly or stretched: their value
 * decides nothing but results, which stay the same to the bit. All of them together are one input, since how many arrays a
 * loop reads has a limit. What a value does decide stays: what was simplified away before (`x * 1`); `pow`, `max` and `min`,
 * for which devices have shorter code when they know a side; integers, which count, shift and index.
 */

import { factsOf } from './op-facts.js'
import type { Instruction, Program } from './program.js'

export type Lifted = {
  readonly program: Program
  /** The values of the last input, if it has any. */
  readonly numbers: ReadonlyArray<number>
}

/** Few enough to be small beside whatever is worth fusing for. A program of more is not written again for the sake of one of them. */
const mostNumbers = 256

/** For each value, whether all that use it take any number. An output is a value that somebody wants to have. */
const replaceable = ({ inputs, instructions, outputs }: Program): ReadonlyArray<boolean> => {
  const is = new Array<boolean>(inputs.length + instructions.length).fill(true)
  outputs.forEach(({ value }) => (is[value] = false))
  for (let i = instructions.length - 1; i >= 0; i--) {
    const v = inputs.length + i
    const { op } = instructions[i]
    if (!factsOf(op).takesAnyNumber(op, is[v])) for (const u of instructions[i].inputs) is[u] = false
  }
  return is
}

/** The same program with its numbers as a last input of shape `[n]`; as it is where there are none, or more than `most`. */
export const liftNumbers = (program: Program, most: number = mostNumbers): Lifted => {
  const { inputs, instructions, outputs } = program
  const isReplaceable = replaceable(program)
  const numberOf = ({ op, dtype }: Instruction, i: number): number | undefined =>
    op._tag === 'constant' && dtype === 'f32' && isReplaceable[inputs.length + i] ? op.value : undefined
  const numbers = instructions.flatMap((instruction, i) => numberOf(instruction, i) ?? [])
  if (numbers.length === 0 || numbers.length > most) return { program, numbers: [] }

  const source = inputs.length
  const made: Array<Instruction> = []
  const renumbered = inputs.map((_, v) => v)
  const push = (instruction: Instruction): number => source + made.push(instruction)
  let lifted = 0
  instructions.forEach((instruction, i) => {
    if (numberOf(instruction, i) === undefined) {
      renumbered.push(push({ ...instruction, inputs: instruction.inputs.map((u) => renumbered[u]) }))
      return
    }
    const op = { _tag: 'slice', start: [lifted++], step: [1] } as const
    const element = push({ op, inputs: [source], shape: [1], dtype: 'f32' })
    renumbered.push(push({ op: { _tag: 'reshape' }, inputs: [element], shape: [], dtype: 'f32' }))
  })
  return {
    program: {
      inputs: [...inputs, { name: 'numbers', shape: [numbers.length], dtype: 'f32' }],
      instructions: made,
      outputs: outputs.map(({ name, value }) => ({ name, value: renumbered[value] }))
    },
    numbers
  }
}
