/**
 * Programs as text for people: one line a value, `%3: f32[8, 16] = dot %0 %1 batch [] contract [1]x[0]`.
 */

import { showShape } from '../shape.js'
import type { Op, OpOf } from '../tensor.js'
import type { Program, Spec } from './program.js'

type Shown = readonly [name: string, attributes: string]

const list = (values: ReadonlyArray<number>): string => `[${values.join(', ')}]`

const tagOnly = ({ _tag }: Op): Shown => [_tag, '']
const functionOnly = ({ fn }: { readonly fn: string }): Shown => [fn, '']
const axisOf = ({ _tag, axis }: OpOf<'iota' | 'concat' | 'gather' | 'scatterAdd'>): Shown => [_tag, `axis ${axis}`]

/** The name of each operation, and its attributes. */
const shown: { readonly [Tag in Op['_tag']]: (op: OpOf<Tag>) => Shown } = {
  constant: ({ value }) => ['constant', Object.is(value, -0) ? '-0' : String(value)],
  iota: axisOf,
  unary: functionOnly,
  binary: functionOnly,
  compare: functionOnly,
  select: tagOnly,
  cast: tagOnly,
  gather: axisOf,
  reshape: tagOnly,
  permute: ({ order }) => ['permute', list(order)],
  broadcast: tagOnly,
  slice: ({ start, step }) => ['slice', `start ${list(start)} step ${list(step)}`],
  barrier: tagOnly,
  reduce: ({ fn, axes }) => [`reduce-${fn}`, `axes ${list(axes)}`],
  pad: ({ low, high, interior, value }) => [
    'pad',
    `low ${list(low)} high ${list(high)} interior ${list(interior)} value ${value}`
  ],
  concat: axisOf,
  dot: ({ batch, contract }) => [
    'dot',
    `batch ${list(batch.left)}x${list(batch.right)} contract ${list(contract.left)}x${list(contract.right)}`
  ],
  scatterAdd: axisOf,
  randomBits: tagOnly
}

// The row of a tag takes the operations of that tag, which TypeScript does not see of a tag it does not know.
const show = (op: Op): Shown => (shown[op._tag] as (op: Op) => Shown)(op)

const showSpec = ({ dtype, shape }: Spec): string => `${dtype}${showShape(shape)}`

/** One line for each input, instruction and output. */
export const printProgram = (program: Program): string => {
  const first = program.inputs.length
  return [
    ...program.inputs.map((input, v) => `%${v}: ${showSpec(input)} = input ${input.name}`),
    ...program.instructions.map(({ op, inputs, ...spec }, i) => {
      const [name, attributes] = show(op)
      return [`%${first + i}: ${showSpec(spec)} =`, name, ...inputs.map((v) => `%${v}`), attributes]
        .filter((word) => word !== '')
        .join(' ')
    }),
    ...program.outputs.map(({ name, value }) => `return %${value}${name === '' ? '' : ` as ${name}`}`)
  ].join('\n')
}
