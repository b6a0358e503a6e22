/**
 * Expressions to programs: value numbering over the graph that the outputs reach.
 *
 * Equal instructions on equal values become one (common-subexpression elimination); what no output needs is never
 * visited (dead-code elimination); markers vanish; literals become extra inputs, so that a program's text holds no arrays.
 */

import { invalidArgument } from '../fault.js'
import type { Literal } from '../literal.js'
import { isLiteral } from '../literal.js'
import { isMarker, type Marker, type Op, type Tensor } from '../tensor.js'
import { topological } from '../topological.js'
import type { Instruction, Named, Program } from './program.js'
import { spellNumber } from './serialise.js'
import { sameValue } from './simplify.js'

export type Lowered = {
  readonly program: Program
  /** The values of the inputs that follow the given ones. */
  readonly captured: ReadonlyArray<Literal>
}

/** What a node needs computed before it: a custom derivative's arguments are for the derivative only. */
const dependencies = (x: Tensor): ReadonlyArray<Tensor> => (x.op._tag === 'custom' ? x.inputs.slice(0, 1) : x.inputs)

/** Equal for two instructions exactly when they compute the same value. */
const structuralKey = (i: Instruction): string =>
  `${JSON.stringify(i.op, spellNumber)}|${i.inputs.join()}|${i.shape.join()}|${i.dtype}`

/**
 * The program that computes `outputs` from `inputs`.
 *
 * `known` gives the value of a node that need not be computed again; the node then stands for that literal.
 */
export const lower = (
  outputs: ReadonlyArray<{ readonly name: string; readonly tensor: Tensor }>,
  inputs: ReadonlyArray<Tensor>,
  known: (x: Tensor) => Literal | undefined = () => undefined
): Lowered => {
  const literalOf = (x: Tensor): Literal | undefined => (isLiteral(x) ? x : known(x))
  const order = topological(
    outputs.map((o) => o.tensor),
    (x) => (known(x) === undefined ? dependencies(x) : [])
  )
  const given = new Set(inputs)
  const constants = order.filter((x) => !given.has(x) && literalOf(x) !== undefined)
  const captured = constants.flatMap((x) => literalOf(x) ?? [])
  const named: ReadonlyArray<Named> = [
    ...inputs.map(({ op, shape, dtype }, i) => ({ name: op._tag === 'input' ? op.name : `input${i}`, shape, dtype })),
    ...captured.map(({ shape, dtype }, i) => ({ name: `captured${i}`, shape, dtype }))
  ]

  const numbers = new Map<Tensor, number>([...inputs, ...constants].map((x, i) => [x, i]))
  const instructions: Array<Instruction> = []
  const issued = new Map<string, number>()
  const lookup = (v: number): Instruction | undefined => instructions[v - named.length]
  const specAt = (v: number): { readonly shape: ReadonlyArray<number>; readonly dtype: Tensor['dtype'] } =>
    lookup(v) ?? named[v]

  const push = (x: Tensor, op: Op): number => {
    const instruction: Instruction = {
      op,
      inputs: x.inputs.map((y) => numberOf(y)),
      shape: x.shape,
      dtype: x.dtype
    }
    const same = sameValue(instruction, lookup, specAt)
    if (typeof same === 'number') return same
    const key = structuralKey(same)
    const old = issued.get(key)
    if (old !== undefined) return old
    const v = named.length + instructions.length
    instructions.push(same)
    issued.set(key, v)
    return v
  }

  const numberOf = (x: Tensor): number => {
    const v = numbers.get(x)
    if (v === undefined) throw new Error(`lower: a node of kind ${x.op._tag} was used before it was made`)
    return v
  }

  /** Inputs and literals have their numbers already; the other markers are what they mark. */
  const markedBy = (marker: Marker, x: Tensor): number => {
    switch (marker._tag) {
      case 'input':
        throw invalidArgument('lower', `the placeholder '${marker.name}'`, 'tensors with values, or given inputs')
      case 'literal':
        throw new Error('lower: a literal was not captured')
      case 'identity':
      case 'stopGradient':
      case 'custom':
        return numberOf(x.inputs[0])
    }
  }

  for (const x of order) {
    if (!numbers.has(x)) numbers.set(x, isMarker(x.op) ? markedBy(x.op, x) : push(x, x.op))
  }
  return {
    program: withoutDead({
      inputs: named,
      instructions,
      outputs: outputs.map(({ name, tensor }) => ({ name, value: numberOf(tensor) }))
    }),
    captured
  }
}

/** Simplification may leave instructions that nothing reads any more. */
const withoutDead = (program: Program): Program => {
  const first = program.inputs.length
  const live = new Set(program.outputs.map((o) => o.value))
  for (let v = first + program.instructions.length - 1; v >= first; v--)
    if (live.has(v)) program.instructions[v - first].inputs.forEach((u) => live.add(u))
  const renumbered = new Map<number, number>(program.inputs.map((_, v) => [v, v]))
  const kept: Array<Instruction> = []
  program.instructions.forEach((instruction, i) => {
    if (!live.has(first + i)) return
    renumbered.set(first + i, first + kept.length)
    kept.push({ ...instruction, inputs: instruction.inputs.map((u) => renumbered.get(u) as number) })
  })
  return {
    inputs: program.inputs,
    instructions: kept,
    outputs: program.outputs.map(({ name, value }) => ({ name, value: renumbered.get(value) as number }))
  }
}
