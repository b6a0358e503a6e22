/**
 * Programs as JSON text, and back.
 *
 * JSON has no NaN, infinities or negative zero: those four are spelled as strings. Reading checks everything: the form
 * by a schema, and shapes and dtypes by building every instruction again with the constructors of `tensor.ts`, so that a
 * program that was read is as sound as one that was traced.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as z from 'zod'
import { binaries, comparisons, unaries, type Binary, type Comparison, type Unary } from '../elementwise.js'
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
import type { Instruction, Program } from './program.js'
import { attempt } from './trace.js'

/** The version of the text's form. A reader takes exactly its own. */
export const programVersion = 1

export type ProgramFormatError = {
  readonly _tag: 'ProgramFormat'
  readonly where: string
  readonly found: string
  readonly expected: string
}

export const showProgramFormatError = (e: ProgramFormatError): string =>
  `program: ${e.where}: found ${e.found}, expected ${e.expected}`

const spellNumber = (_: string, value: unknown): unknown =>
  typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))
    ? Object.is(value, -0)
      ? '-0'
      : String(value)
    : value

export const serialise = (program: Program): string =>
  JSON.stringify({ version: programVersion, ...program }, spellNumber)

// ---------------------------------------------------------------- the form

const natural = z.number().int().nonnegative()
const naturals = z.array(natural)
const double = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity', '-0']).transform((word) => Number(word))])
const pairs = z.strictObject({ left: naturals, right: naturals })
const keysOf = <K extends string>(table: Record<K, unknown>): [K, ...Array<K>] => Object.keys(table) as [K, ...Array<K>]

const op = z.discriminatedUnion('_tag', [
  z.strictObject({ _tag: z.literal('constant'), value: double }),
  z.strictObject({ _tag: z.literal('iota'), axis: natural }),
  z.strictObject({ _tag: z.literal('unary'), fn: z.enum(keysOf<Unary>(unaries)) }),
  z.strictObject({ _tag: z.literal('binary'), fn: z.enum(keysOf<Binary>(binaries)) }),
  z.strictObject({ _tag: z.literal('compare'), fn: z.enum(keysOf<Comparison>(comparisons)) }),
  z.strictObject({ _tag: z.literal('select') }),
  z.strictObject({ _tag: z.literal('cast') }),
  z.strictObject({ _tag: z.literal('reduce'), fn: z.enum(['sum', 'max', 'min']), axes: naturals }),
  z.strictObject({ _tag: z.literal('reshape') }),
  z.strictObject({ _tag: z.literal('permute'), order: naturals }),
  z.strictObject({ _tag: z.literal('broadcast') }),
  z.strictObject({ _tag: z.literal('slice'), start: naturals, step: naturals }),
  z.strictObject({ _tag: z.literal('pad'), low: naturals, high: naturals, interior: naturals, value: double }),
  z.strictObject({ _tag: z.literal('concat'), axis: natural }),
  z.strictObject({ _tag: z.literal('dot'), batch: pairs, contract: pairs }),
  z.strictObject({ _tag: z.literal('gather'), axis: natural }),
  z.strictObject({ _tag: z.literal('scatterAdd'), axis: natural }),
  z.strictObject({ _tag: z.literal('randomBits') }),
  z.strictObject({ _tag: z.literal('barrier') })
])

const dtype = z.enum(['f32', 'i32', 'u32', 'bool'])

const form = z.strictObject({
  version: z.literal(programVersion),
  inputs: z.array(z.strictObject({ name: z.string(), shape: naturals, dtype })),
  instructions: z.array(z.strictObject({ op, inputs: naturals, shape: naturals, dtype })),
  outputs: z.array(z.strictObject({ name: z.string(), value: natural }))
})

// ------------------------------------------------------------- the meaning

const arity = (i: Instruction): number => {
  switch (i.op._tag) {
    case 'constant':
    case 'iota':
      return 0
    case 'unary':
    case 'cast':
    case 'reduce':
    case 'reshape':
    case 'permute':
    case 'broadcast':
    case 'slice':
    case 'pad':
      return 1
    case 'binary':
    case 'compare':
    case 'dot':
    case 'gather':
    case 'scatterAdd':
    case 'randomBits':
    case 'barrier':
      return 2
    case 'select':
      return 3
    case 'concat':
      return i.inputs.length
  }
}

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
    if (instruction.inputs.length !== arity(instruction))
      return bad(where, `${instruction.inputs.length} operands`, String(arity(instruction)))
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

const parseJson = (text: string): E.Either<ProgramFormatError, unknown> =>
  E.tryCatch(
    () => JSON.parse(text) as unknown,
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
      const parsed = form.safeParse(json)
      if (!parsed.success) {
        const [issue] = parsed.error.issues
        return bad(issue.path.join('.') || 'text', issue.message, `a program of version ${programVersion}`)
      }
      const { inputs, instructions, outputs } = parsed.data
      return sound({ inputs, instructions, outputs })
    })
  )
