/**
 * Programs as text for people: one line a value, `%3: f32[8, 16] = dot %0 %1 batch [] contract [1]x[0]`.
 */

import { showShape } from '../shape.js'
import { factsOf } from './op-facts.js'
import type { Program, Spec } from './program.js'

const showSpec = ({ dtype, shape }: Spec): string => `${dtype}${showShape(shape)}`

/** One line for each input, instruction and output. */
export const printProgram = (program: Program): string => {
  const first = program.inputs.length
  return [
    ...program.inputs.map((input, v) => `%${v}: ${showSpec(input)} = input ${input.name}`),
    ...program.instructions.map(({ op, inputs, ...spec }, i) => {
      const [name, attributes] = factsOf(op).show(op)
      return [`%${first + i}: ${showSpec(spec)} =`, name, ...inputs.map((v) => `%${v}`), attributes]
        .filter((word) => word !== '')
        .join(' ')
    }),
    ...program.outputs.map(({ name, value }) => `return %${value}${name === '' ? '' : ` as ${name}`}`)
  ].join('\n')
}
