/**
 * Programs from JSON text, as `serialise` writes it.
 *
 * Reading checks everything: the form by a table, and shapes and dtypes by building every instruction again with the
 * constructors of `tensor.ts`, so that a program that was read is as sound as one that was traced.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { showTensorError } from '../fault.js'
import { reasonOf } from '../reason.js'
import { equalShapes, showShape } from '../shape.js'
import {
  barrierNode,
  binaryNode,
  broadcastNode,
  castNode,
  compareNode,
  concatNode,
  constantNode,
  dotNode,
  gatherNode,
  inputNode,
  iotaNode,
  padNode,
  permuteNode,
  randomBitsNode,
  reduceNode,
  reshapeNode,
  scatterAddNode,
  selectNode,
  sliceNode,
  unaryNode,
  type Tensor
} from '../tensor.js'
import { factsOf } from './op-facts.js'
import { programFormFault } from './program-form.js'
import type { Instruction, Program } from './program.js'
import { attempt } from './trace.js'

export type ProgramFormatError = {
  readonly _tag: 'ProgramFormat'
  readonly where: string
  readonly found: string
  readonly expected: string
}

export const showProgramFormatError = (e: ProgramFormatError): string =>
  `program: ${e.where}: found ${e.found}, expected ${e.expected}`

/** The node that the instruction describes, checked as any expression is. */
const rebuild = (i: Instruction, inputs: ReadonlyArray<Tensor>): Tensor => {
  const [a, b, c] = inputs
  const { op: o, shape } = i
  switch (o._tag) {
    case 'constant':
      return constantNode(o.value, i.dtype)
    case 'iota':
      return iotaNode(shape, o.axis, i.dtype)
    case 'unary':
      return unaryNode(o.fn, a)
    case 'binary':
      return binaryNode(o.fn, a, b)
    case 'compare':
      return compareNode(o.fn, a, b)
    case 'select':
      return selectNode(a, b, c)
    case 'cast':
      return castNode(i.dtype, a)
    case 'reduce':
      return reduceNode(o.fn, o.axes, a)
    case 'reshape':
      return reshapeNode(shape, a)
    case 'permute':
      return permuteNode(o.order, a)
    case 'broadcast':
      return broadcastNode(shape, a)
    case 'slice':
      return sliceNode(o.start, o.step, shape, a)
    case 'pad':
      return padNode(o.low, o.high, o.interior, o.value, a)
    case 'concat':
      return concatNode(o.axis, inputs)
    case 'dot':
      return dotNode(o.batch, o.contract, a, b)
    case 'gather':
      return gatherNode(o.axis, a, b)
    case 'scatterAdd':
      return scatterAddNode(o.axis, shape, a, b)
    case 'randomBits':
      return randomBitsNode(shape, a, b)
    case 'barrier':
      return barrierNode(a, b)
  }
}

const bad = (where: string, found: string, expected: string): E.Either<ProgramFormatError, never> =>
  E.left({ _tag: 'ProgramFormat', where, found, expected })

const sound = (program: Program): E.Either<ProgramFormatError, Program> => {
  const nodes: Array<Tensor> = []
  for (const [n, input] of program.inputs.entries()) {
    const made = attempt(() => inputNode(input.name, input.shape, input.dtype))
    if (E.isLeft(made)) return bad(`input ${n}`, showTensorError(made.left), 'a valid shape')
    nodes.push(made.right)
  }
  for (const [n, instruction] of program.instructions.entries()) {
    const where = `instruction ${n} (${instruction.op._tag})`
    const early = instruction.inputs.find((v) => v >= nodes.length)
    if (early !== undefined) return bad(where, `a use of value ${early}`, 'values made before it')
    const { operands } = factsOf(instruction.op)
    if (operands !== undefined && instruction.inputs.length !== operands)
      return bad(where, `${instruction.inputs.length} operands`, String(operands))
    const made = attempt(() =>
      rebuild(
        instruction,
        instruction.inputs.map((v) => nodes[v])
      )
    )
    if (E.isLeft(made)) return bad(where, showTensorError(made.left), 'an operation whose operands fit')
    const { shape, dtype: found } = made.right
    if (!equalShapes(shape, instruction.shape) || found !== instruction.dtype)
      return bad(
        where,
        `a result stated as ${instruction.dtype}${showShape(instruction.shape)}`,
        `${found}${showShape(shape)}`
      )
    nodes.push(made.right)
  }
  const missing = program.outputs.find(({ value }) => value >= nodes.length)
  if (missing !== undefined) return bad(`output '${missing.name}'`, `value ${missing.value}`, `one of ${nodes.length}`)
  return E.right(program)
}

/** How `serialise` spells the numbers that JSON has not. */
const spelled: Readonly<Record<string, number>> = { NaN, Infinity, '-Infinity': -Infinity, '-0': -0 }

const readNumber = (key: string, value: unknown): unknown =>
  key === 'value' && typeof value === 'string' && Object.hasOwn(spelled, value) ? spelled[value] : value

const parseJson = (text: string): E.Either<ProgramFormatError, unknown> =>
  E.tryCatch(
    () => JSON.parse(text, readNumber) as unknown,
    (cause): ProgramFormatError => ({
      _tag: 'ProgramFormat',
      where: 'text',
      found: reasonOf(cause),
      expected: 'JSON'
    })
  )

/** The program that `serialise` spelled; anything else is a `Left` that says where it fails. */
export const deserialise = (text: string): E.Either<ProgramFormatError, Program> =>
  pipe(
    parseJson(text),
    E.chain((json) => {
      const fault = programFormFault(json)
      if (fault !== undefined) return bad(fault.where || 'text', fault.found, fault.expected)
      const { inputs, instructions, outputs } = json as Program
      return sound({ inputs, instructions, outputs })
    })
  )
