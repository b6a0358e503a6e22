/**
 * Programs as text for people: one line a value, `%3: f32[8, 16] = dot %0 %1 batch [] contract [1]x[0]`.
 */

import { showShape } from '../shape.js'
import type { Op } from '../tensor.js'
import type { Program, Spec } from './program.js'

const showSpec = ({ dtype, shape }: Spec): string => `${dtype}${showShape(shape)}`

const list = (values: ReadonlyArray<number>): string => `[${values.join(', ')}]`

/** The operation's name, and its attributes. */
const showOp = (op: Op): readonly [string, string] => {
  switch (op._tag) {
    case 'constant':
      return ['constant', Object.is(op.value, -0) ? '-0' : String(op.value)]
    case 'iota':
      return ['iota', `axis ${op.axis}`]
    case 'unary':
    case 'binary':
    case 'compare':
      return [op.fn, '']
    case 'reduce':
      return [`reduce-${op.fn}`, `axes ${list(op.axes)}`]
    case 'permute':
      return ['permute', list(op.order)]
    case 'slice':
      return ['slice', `start ${list(op.start)} step ${list(op.step)}`]
    case 'pad':
      return ['pad', `low ${list(op.low)} high ${list(op.high)} interior ${list(op.interior)} value ${op.value}`]
    case 'concat':
    case 'gather':
    case 'scatterAdd':
      return [op._tag, `axis ${op.axis}`]
    case 'dot':
      return [
        'dot',
        `batch ${list(op.batch.left)}x${list(op.batch.right)} contract ${list(op.contract.left)}x${list(op.contract.right)}`
      ]
    case 'select':
    case 'cast':
    case 'reshape':
    case 'broadcast':
    case 'randomBits':
    case 'barrier':
      return [op._tag, '']
  }
}

/** One line for each input, instruction and output. */
export const printProgram = (program: Program): string => {
  const first = program.inputs.length
  return [
    ...program.inputs.map((input, v) => `%${v}: ${showSpec(input)} = input ${input.name}`),
    ...program.instructions.map(({ op, inputs, ...spec }, i) => {
      const [name, attributes] = showOp(op)
      return [`%${first + i}: ${showSpec(spec)} =`, name, ...inputs.map((v) => `%${v}`), attributes]
        .filter((word) => word !== '')
        .join(' ')
    }),
    ...program.outputs.map(({ name, value }) => `return %${value}${name === '' ? '' : ` as ${name}`}`)
  ].join('\n')
}
