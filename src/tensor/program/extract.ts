/**
 * A part of a program: the program that computes some of its values, given others.
 */

import { instructionOf, specOf, type Named, type Program } from './program.js'

export type Extracted = {
  readonly program: Program
  /** Of which value of the whole each input of the part is. */
  readonly inputs: ReadonlyArray<number>
}

/**
 * Computes `wanted`, each with the name it shall have, from the inputs of the whole and the values `given`, as far as they
 * are needed. Inputs come first in their order, then given values in theirs; an output may be one of them.
 */
export const extract = (program: Program, wanted: Program['outputs'], given: ReadonlyArray<number> = []): Extracted => {
  const first = program.inputs.length
  const known = new Set(given)
  const needed = new Set<number>()
  const stack = wanted.map(({ value }) => value)
  for (let v = stack.pop(); v !== undefined; v = stack.pop()) {
    if (needed.has(v)) continue
    needed.add(v)
    if (!known.has(v)) for (const u of instructionOf(program, v)?.inputs ?? []) stack.push(u)
  }
  const inputs = [
    ...program.inputs.flatMap((_, v) => (needed.has(v) ? [v] : [])),
    ...given.filter((v) => v >= first && needed.has(v))
  ]
  const numbers = new Map(inputs.map((v, i) => [v, i]))
  const renumbered = (v: number): number => {
    const number = numbers.get(v)
    if (number === undefined) throw new Error(`extract: value ${v} is read before it is made`)
    return number
  }
  const instructions = program.instructions.flatMap((instruction, i) => {
    const v = first + i
    if (!needed.has(v) || known.has(v)) return []
    const moved = { ...instruction, inputs: instruction.inputs.map(renumbered) }
    numbers.set(v, numbers.size)
    return [moved]
  })
  const named = (v: number): Named => {
    const { shape, dtype } = specOf(program, v)
    return { name: v < first ? program.inputs[v].name : `value${v}`, shape, dtype }
  }
  return {
    program: {
      inputs: inputs.map(named),
      instructions,
      outputs: wanted.map(({ name, value }) => ({ name, value: renumbered(value) }))
    },
    inputs
  }
}
