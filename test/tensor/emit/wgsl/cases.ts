/** Every row of the tables of element-wise primitives: what is printed for it, and the node that defines it. */

import { dtypes, type DType } from '../../../../src/tensor/dtype.js'
import {
  binaries,
  comparisons,
  numeric,
  unaries,
  type Binary,
  type Comparison,
  type FloatBinary,
  type FloatUnary,
  type Reduction,
  type Unary
} from '../../../../src/tensor/elementwise.js'
import { bounds, type Bound } from '../../../../src/tensor/emit/wgsl/bounds.js'
import {
  binary,
  cast,
  combine,
  compare,
  constant,
  identity,
  select,
  unary
} from '../../../../src/tensor/emit/wgsl/scalar.js'
import {
  binaryNode,
  castNode,
  compareNode,
  constantNode,
  reduceNode,
  reshapeNode,
  selectNode,
  unaryNode,
  type Tensor
} from '../../../../src/tensor/tensor.js'
import { largest } from '../../special-values.js'
import type { Expression } from './evaluate.js'

export type Case = Expression & {
  readonly name: string
  readonly node: (...operands: ReadonlyArray<Tensor>) => Tensor
  /** Of what is not f32, or only passes it on: exact. */
  readonly bound: Bound
}

const keys = <Table extends object>(table: Table): ReadonlyArray<keyof Table> =>
  Object.keys(table) as ReadonlyArray<string> as ReadonlyArray<keyof Table>

const exact: Bound = { ulps: 0, flushes: false }

const boundOf = (fn: string, dtype: DType): Bound => (dtype === 'f32' ? bounds[fn as FloatUnary | FloatBinary] : exact)

const ofUnary = (fn: Unary, dtype: DType): Case => ({
  name: `${fn} of ${dtype}`,
  operands: [dtype],
  result: dtype,
  print: (x) => unary(fn, dtype, x),
  node: (x) => unaryNode(fn, x),
  bound: boundOf(fn, dtype)
})

const ofBinary = (fn: Binary, dtype: DType): Case => ({
  name: `${fn} of ${dtype}`,
  operands: [dtype, dtype],
  result: dtype,
  print: (x, y) => binary(fn, dtype, x, y),
  node: (x, y) => binaryNode(fn, x, y),
  bound: boundOf(fn, dtype)
})

const ofComparison = (fn: Comparison, of: DType): Case => ({
  name: `${fn} of ${of}`,
  operands: [of, of],
  result: 'bool',
  print: (x, y) => compare(fn, of, x, y),
  node: (x, y) => compareNode(fn, x, y),
  bound: exact
})

const ofSelect = (dtype: DType): Case => ({
  name: `select of ${dtype}`,
  operands: [dtype, dtype, 'bool'],
  result: dtype,
  print: (x, y, condition) => select(condition, x, y),
  node: (x, y, condition) => selectNode(condition, x, y),
  bound: exact
})

const ofCast = (to: DType, from: DType): Case => ({
  name: `cast to ${to} from ${from}`,
  operands: [from],
  result: to,
  print: (x) => cast(to, from, x),
  node: (x) => castNode(to, x),
  bound: exact
})

const combining: Readonly<Record<Reduction, Binary>> = { sum: 'add', max: 'max', min: 'min' }

const ofCombine = (fn: Reduction, dtype: DType): Case => ({
  ...ofBinary(combining[fn], dtype),
  name: `${fn} of two ${dtype}`,
  print: (x, y) => combine(fn, dtype, x, y)
})

/** Compilers take `0 + x` for `x`: of the zeros of a float sum the sign is left out. */
const ofIdentity = (fn: Reduction, dtype: DType): Case => {
  const isSigned = fn !== 'sum' || dtype !== 'f32'
  return {
    name: `${fn} of one ${dtype}`,
    operands: [dtype],
    result: dtype,
    print: (x) => {
      const printed = combine(fn, dtype, identity(fn, dtype), x)
      return isSigned ? printed : unary('abs', dtype, printed)
    },
    node: (x) => {
      const sum = reduceNode(fn, [0], reshapeNode([1, ...x.shape], x))
      return isSigned ? sum : unaryNode('abs', sum)
    },
    bound: boundOf(combining[fn], dtype)
  }
}

const reductions = keys(combining)

export const cases: ReadonlyArray<Case> = [
  ...keys(unaries).flatMap((fn) => unaries[fn].accepts.map((dtype) => ofUnary(fn, dtype))),
  ...keys(binaries).flatMap((fn) => binaries[fn].accepts.map((dtype) => ofBinary(fn, dtype))),
  ...keys(comparisons).flatMap((fn) => comparisons[fn].accepts.map((dtype) => ofComparison(fn, dtype))),
  ...dtypes.map(ofSelect),
  ...dtypes.flatMap((to) => dtypes.map((from) => ofCast(to, from))),
  ...reductions.flatMap((fn) => numeric.map((dtype) => ofCombine(fn, dtype))),
  ...reductions.flatMap((fn) => numeric.map((dtype) => ofIdentity(fn, dtype)))
]

/** Where integers overflow, floats do, and divisors are 0. */
const extremes: Readonly<Record<DType, ReadonlyArray<number>>> = {
  f32: [largest, 0],
  i32: [-(2 ** 31), -1, 0],
  u32: [2 ** 32 - 1, 0],
  bool: [0, 1]
}

const choices = (operands: ReadonlyArray<DType>): ReadonlyArray<ReadonlyArray<number>> =>
  operands.reduce<ReadonlyArray<ReadonlyArray<number>>>(
    (chosen, dtype) => chosen.flatMap((values) => extremes[dtype].map((value) => [...values, value])),
    [[]]
  )

/** Whether compilers of WGSL see what is computed: no function of the library hides it. */
const isOpen = ({ print }: Case): boolean => !print('x', 'y', 'z').includes('pe_')

/** The same with constants for operands, where compilers might compute with them. */
export const casesOfConstants: ReadonlyArray<Case> = cases.filter(isOpen).flatMap((of) =>
  choices(of.operands).map((values) => ({
    ...of,
    name: `${of.name}, constants ${values.join(', ')}`,
    operands: [],
    print: () => of.print(...values.map((value, i) => constant(of.operands[i], value))),
    node: () => of.node(...values.map((value, i) => reshapeNode([1], constantNode(value, of.operands[i]))))
  }))
)
