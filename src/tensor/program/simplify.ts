/**
 * Instructions that compute what is already there, or what a simpler instruction does. Every rule is exact, bit for bit.
 */

import { equalShapes } from '../shape.js'
import type { Instruction, Spec } from './program.js'

type Lookup = (value: number) => Instruction | undefined

/** The number that fills value `v`, where it is a broadcast or reshaped constant. */
const constantOf = (v: number, lookup: Lookup): number | undefined => {
  let at = lookup(v)
  while (at?.op._tag === 'broadcast' || at?.op._tag === 'reshape') at = lookup(at.inputs[0])
  return at?.op._tag === 'constant' ? at.op.value : undefined
}

const isIdentityOrder = (order: ReadonlyArray<number>): boolean => order.every((axis, i) => axis === i)

/** An existing value that equals the instruction's, or the instruction to issue (itself, or a simpler one). */
export const sameValue = (i: Instruction, lookup: Lookup, specAt: (value: number) => Spec): number | Instruction => {
  const [x] = i.inputs
  const { op } = i
  switch (op._tag) {
    case 'reshape': {
      if (equalShapes(specAt(x).shape, i.shape)) return x
      const inner = lookup(x)
      return inner?.op._tag === 'reshape' ? sameValue({ ...i, inputs: inner.inputs }, lookup, specAt) : i
    }
    case 'permute': {
      if (isIdentityOrder(op.order)) return x
      const inner = lookup(x)
      if (inner?.op._tag !== 'permute') return i
      const { order } = inner.op
      return sameValue(
        { ...i, op: { _tag: 'permute', order: op.order.map((a) => order[a]) }, inputs: inner.inputs },
        lookup,
        specAt
      )
    }
    case 'broadcast': {
      if (equalShapes(specAt(x).shape, i.shape)) return x
      const inner = lookup(x)
      return inner?.op._tag === 'broadcast' ? { ...i, inputs: inner.inputs } : i
    }
    case 'cast':
      return specAt(x).dtype === i.dtype ? x : i
    case 'reduce':
      return op.axes.length === 0 ? x : i
    case 'slice':
    case 'pad':
      return equalShapes(specAt(x).shape, i.shape) ? x : i
    case 'concat':
      return i.inputs.length === 1 ? x : i
    case 'binary': {
      const [a, b] = i.inputs
      if (op.fn === 'mul' && constantOf(b, lookup) === 1) return a
      if (op.fn === 'mul' && constantOf(a, lookup) === 1) return b
      if (op.fn === 'div' && constantOf(b, lookup) === 1) return a
      if (op.fn === 'sub' && Object.is(constantOf(b, lookup), 0)) return a
      return i
    }
    case 'unary': {
      const inner = lookup(x)
      return op.fn === 'neg' && inner?.op._tag === 'unary' && inner.op.fn === 'neg' ? inner.inputs[0] : i
    }
    case 'constant':
    case 'iota':
    case 'compare':
    case 'select':
    case 'dot':
    case 'gather':
    case 'scatterAdd':
    case 'randomBits':
    case 'barrier':
      return i
  }
}
