/**
 * Programs that compute element by element: the same for any number of elements, so they can be run on blocks of them.
 */

import { factsOf } from '../op-facts.js'
import { instructionOf, specOf, type Instruction, type Program } from '../program.js'
import { sizeOf, type Shape } from '../../shape.js'

const isLarge = (shape: Shape): boolean => sizeOf(shape) > 1

const isPointwise = (program: Program, { op, inputs }: Instruction): boolean =>
  factsOf(op).isPointwise(inputs.map((v) => specOf(program, v).shape))

/**
 * The number of elements of all its large values, which have more than one; `undefined` where some have more than others, an
 * output is small, or a large one is computed otherwise than element by element.
 */
export const elementwiseSize = (program: Program): number | undefined => {
  const sizes = new Set<number>()
  const values = program.inputs.length + program.instructions.length
  for (let v = 0; v < values; v++) {
    const { shape } = specOf(program, v)
    if (!isLarge(shape)) continue
    const instruction = instructionOf(program, v)
    if (instruction !== undefined && !isPointwise(program, instruction)) return undefined
    sizes.add(sizeOf(shape))
  }
  const areOutputsLarge = program.outputs.every(({ value }) => isLarge(specOf(program, value).shape))
  const [size] = sizes
  return sizes.size === 1 && areOutputsLarge ? size : undefined
}

/**
 * The same computation on `length` elements, for a program that has an `elementwiseSize`. Its large values are vectors, with as
 * many axes of one element before as the small values have that are broadcast to them.
 */
export const ofLength = (program: Program, length: number): Program => {
  const ranks = program.instructions.flatMap(({ op, inputs, shape }) =>
    op._tag === 'broadcast' && isLarge(shape) ? [specOf(program, inputs[0]).shape.length] : []
  )
  const vector = [...new Array<number>(Math.max(1, ...ranks) - 1).fill(1), length]
  const resized = <S extends { readonly shape: Shape }>(spec: S): S =>
    isLarge(spec.shape) ? { ...spec, shape: vector } : spec
  return { ...program, inputs: program.inputs.map(resized), instructions: program.instructions.map(resized) }
}
