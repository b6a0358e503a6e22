/**
 * What each operation is to the passes of a program: one row an operation, so that the compiler names what a new one lacks.
 *
 * What a pass makes of an operation stands in that pass: `schedule` its kernels, `simplify` its simpler forms, `print` its text.
 */

import { binaries, unaries, type Binary } from '../elementwise.js'
import { sizeOf, type Shape } from '../shape.js'
import type { Op, OpOf } from '../tensor.js'
import type { Affine } from './kernel.js'
import { broadcastView, permuteView, reshapeView, sliceView } from './views.js'

export type OpFacts<O extends Op> = {
  /** How many operands it has; `undefined` where that differs. */
  readonly operands: number | undefined
  /** Whether one element of the result is a function of single elements of the operands. */
  readonly isElementwise: boolean
  /** Whether element i of a large result depends on elements i of large operands, and on small ones, alone. */
  readonly isPointwise: (operands: ReadonlyArray<Shape>) => boolean
  /** Whether it is element-wise and takes a processor about as long as loading an operand. */
  readonly isQuick: (op: O) => boolean
  /** Whether it may take a number that it does not know. A view passes on what its own users say. */
  readonly takesAnyNumber: (op: O, doUsers: boolean) => boolean
  /** Where its elements lie, if it moves those of an operand that lie at `at`; `undefined` where it computes, or no view says it. */
  readonly view: (at: Affine, op: O, from: Shape, to: Shape) => Affine | undefined
}

const always = (): true => true
const never = (): false => false
const noView = (): undefined => undefined

/** Not where devices have shorter code when they know a side. */
const binariesOfAnyNumber: Record<Binary, boolean> = {
  add: true,
  sub: true,
  mul: true,
  div: true,
  rem: false,
  pow: false,
  max: false,
  min: false,
  and: false,
  or: false,
  xor: false,
  shl: false,
  shr: false
}

const asUsersDo = (_: Op, doUsers: boolean): boolean => doUsers

const elementwise = {
  isElementwise: true,
  isPointwise: always,
  isQuick: always,
  takesAnyNumber: never,
  view: noView
} as const
const movement = {
  operands: 1,
  isElementwise: false,
  isPointwise: never,
  isQuick: never,
  takesAnyNumber: never
} as const
const structured = {
  isElementwise: false,
  isPointwise: never,
  isQuick: never,
  takesAnyNumber: never,
  view: noView
} as const

const facts = {
  constant: { ...elementwise, operands: 0, isPointwise: never, isQuick: never },
  iota: { ...elementwise, operands: 0, isPointwise: never, isQuick: never },
  unary: { ...elementwise, operands: 1, isQuick: ({ fn }) => unaries[fn].isQuick },
  binary: {
    ...elementwise,
    operands: 2,
    isQuick: ({ fn }) => binaries[fn].isQuick,
    takesAnyNumber: ({ fn }) => binariesOfAnyNumber[fn]
  },
  compare: { ...elementwise, operands: 2, takesAnyNumber: always },
  select: { ...elementwise, operands: 3, takesAnyNumber: always },
  cast: { ...elementwise, operands: 1 },
  gather: { ...elementwise, operands: 2, isPointwise: never, isQuick: never },
  reshape: {
    ...movement,
    isPointwise: always,
    takesAnyNumber: asUsersDo,
    view: (at, _, from, to) => reshapeView(from, to, at)
  },
  permute: { ...movement, view: (at, op) => permuteView(op, at) },
  broadcast: {
    ...movement,
    isPointwise: (operands) => operands.every((shape) => sizeOf(shape) <= 1),
    takesAnyNumber: asUsersDo,
    view: (at, _, from, to) => broadcastView(from, to, at)
  },
  slice: { ...movement, view: (at, op) => sliceView(op, at) },
  barrier: { ...movement, operands: 2, isPointwise: always, view: (at) => at },
  reduce: { ...structured, operands: 1 },
  pad: { ...structured, operands: 1 },
  concat: { ...structured, operands: undefined },
  dot: { ...structured, operands: 2 },
  scatterAdd: { ...structured, operands: 2 },
  randomBits: { ...structured, operands: 2 }
} satisfies { readonly [Tag in Op['_tag']]: OpFacts<OpOf<Tag>> }

// The row of a tag takes the operations of that tag, which TypeScript does not see of a tag it does not know.
export const factsOf = <O extends Op>(op: O): OpFacts<O> => facts[op._tag] as OpFacts<Op>

type ElementwiseTag = {
  [Tag in Op['_tag']]: (typeof facts)[Tag]['isElementwise'] extends true ? Tag : never
}[Op['_tag']]

/** An operation of whose result each element is a function of single elements of the operands. */
export type ElementwiseOp = OpOf<ElementwiseTag>

export const isElementwise = (op: Op): op is ElementwiseOp => factsOf(op).isElementwise
