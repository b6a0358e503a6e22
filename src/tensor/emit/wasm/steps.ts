/**
 * The values of a fused loop's steps, four elements of a row at a time.
 *
 * A value that is the same along the row is in all four lanes of one local. Others are in a local for as long as a vector
 * is worked on.
 */

import { bytesPerElement, type DType } from '../../dtype.js'
import { operandsOf, variesAlongRow, type FusedLoop, type FusedStep } from '../../program/fused.js'
import type { Affine } from '../../program/kernel.js'
import { emptyLanes, loadLanes, loadSplat, type LanePointer } from './access.js'
import { set, type Code, type Local, type Scope } from './assembler.js'
import * as f32x4 from './assembler/f32x4.js'
import * as i32 from './assembler/i32.js'
import * as i32x4 from './assembler/i32x4.js'
import * as v128 from './assembler/v128.js'
import { foldOfSame } from './fold.js'
import { find, foundIn, gather, type Indexing } from './indexed.js'
import { castLanes, compareLanes, constantLanes, laneOperations, type Lanes, type SecondOperand } from './lanes.js'
import type { MathLibrary } from './math.js'
import { memo } from './memo.js'
import type { Nest } from './nest.js'

/** Lanes of a vector. */
export const width = 4

/**
 * A vector of the row: its first `lanes` lanes are elements from `element` on, and as many more as the running `offset` says in
 * bytes of 4-byte elements. Vectors that are worked on together have different slots.
 */
export type Vector = {
  readonly offset: Local | undefined
  readonly element: number
  readonly lanes: Lanes
  readonly slot: number
}

/** The first element of the row, for what is the same along it. */
export const once: Vector = { offset: undefined, element: 0, lanes: 1, slot: 0 }

/** `offset / 4 * stride`. */
const scaled = (offset: Local, stride: number): Code => {
  if (stride % width !== 0) {
    const element = i32.shrU(offset, i32.const(2))
    return stride === 1 ? element : i32.mul(element, i32.const(stride))
  }
  return stride === width ? offset : i32.mul(offset, i32.const(stride / width))
}

export type StepContext = {
  readonly loop: FusedLoop
  readonly scope: Scope
  readonly nest: Nest
  readonly math: MathLibrary
  /** The parameter that is the address of a buffer. */
  readonly address: (buffer: number) => Local
}

export type StepValues = {
  /** The value of a step, once the code that computes it has run. */
  readonly value: (step: number, slot: number) => Local
  /** The address of an array for the row, but for the offset of `at`. */
  readonly base: (buffer: number, dtype: DType, at: Affine) => Code
  readonly place: (base: Code, dtype: DType, at: Affine, vector: Vector) => LanePointer
  /** For a step that is the same along the row: the least level of the nest where it is known. */
  readonly levelOf: (step: number) => number
  /** What a step that varies along the row needs before the row. */
  readonly beforeRow: (step: number) => Code
  /** Computes a step for one vector: `once` where it is the same along the row. */
  readonly compute: (step: number, vector: Vector) => Code
}

type Indexed = FusedStep & { readonly _tag: 'index' }
type Lookup = FusedStep & { readonly _tag: 'lookup' }

export const indexingOf = ({ extent, stride }: Indexing, dtype: DType): Indexing => ({
  extent,
  stride: stride * bytesPerElement(dtype)
})

export const stepsOf = ({ loop, scope, nest, math, address }: StepContext): StepValues => {
  const { body, extents } = loop
  const row = extents.length - 1
  const varies = variesAlongRow(loop)
  const operations = laneOperations(math, scope)

  const slots = memo((_: number) => memo((_slot: number) => scope.local('v128')))
  const value = (i: number, slot: number): Local => slots(i)(varies[i] ? slot : 0)
  const found = memo((_: number) => foundIn(scope))
  /** Of an index that varies: its values for the first four elements of the row. */
  const firstIndices = memo((_: number) => scope.local('v128'))

  const base = (buffer: number, dtype: DType, at: Affine): Code => {
    const parameter = address(buffer)
    return nest.along(parameter, `b${parameter.index}`, bytesPerElement(dtype), at)
  }

  const place = (from: Code, dtype: DType, at: Affine, { offset, element }: Vector): LanePointer => {
    const bytes = bytesPerElement(dtype)
    const stride = at.strides[row] * bytes
    return {
      address: offset === undefined || stride === 0 ? from : i32.add(from, scaled(offset, stride)),
      offset: at.offset * bytes + element * stride,
      stride
    }
  }

  const levels: Array<number> = []
  for (const step of body) {
    const own = 'at' in step ? nest.levelOf(step.at) : step._tag === 'fold' && varies[step.x] ? nest.levels : 0
    levels.push(Math.max(own, ...operandsOf(step).map((x) => levels[x])))
  }

  // ---------------------------------------------------------------- values

  const operandOf = (i: number): SecondOperand => {
    const step = body[i]
    if (step._tag === 'constant') return step
    return { _tag: varies[i] ? 'lanes' : 'splat' }
  }

  /** Whether a value is a u32 shifted down. */
  const isBelowSign = (i: number): boolean => {
    const step = body[i]
    if (step._tag !== 'binary' || step.fn !== 'shr' || step.dtype !== 'u32') return false
    const by = body[step.y]
    return by._tag === 'constant' && by.value % 32 > 0
  }

  const coordinate = ({ at }: Indexed): Code => nest.along(i32.const(at.offset), `${at.offset}`, 1, at)

  const indexLanes = ({ dtype }: Indexed, words: Code): Code => (dtype === 'f32' ? f32x4.convertI32x4S(words) : words)

  const indices = (i: number, step: Indexed, { offset, element }: Vector): Code => {
    const stride = step.at.strides[row]
    const first = firstIndices(i)
    const fixed = i32x4.add(first, i32x4.all(element * stride))
    return indexLanes(step, offset === undefined ? fixed : i32x4.add(fixed, i32x4.splat(scaled(offset, stride))))
  }

  const isFound = ({ index }: Lookup): boolean => !varies[index]

  const findRow = (i: number, { buffer, dtype, at, index, ...indexing }: Lookup): Code =>
    find(base(buffer, dtype, at), value(index, 0), indexingOf(indexing, dtype), found(i))

  const inside = (i: number, elements: Code): Code => v128.and(elements, found(i).inside)

  const lookup = (i: number, step: Lookup, vector: Vector): Code => {
    const { buffer, dtype, at, index } = step
    const { lanes, slot } = vector
    if (step.extent === 0) return emptyLanes
    if (isFound(step)) return inside(i, loadLanes(dtype, place(found(i).base, dtype, at, vector), lanes))
    const whole = place(base(buffer, dtype, at), dtype, at, vector)
    return gather(scope, dtype, whole, lanes, value(index, slot), indexingOf(step, dtype))
  }

  const stillLookup = (i: number, step: Lookup): Code => {
    const { dtype, at, extent } = step
    if (extent === 0) return emptyLanes
    return [findRow(i, step), inside(i, loadSplat(dtype, place(found(i).base, dtype, at, once)))]
  }

  /** Of a step that is the same along the row the vector is `once`, and its value in all lanes. */
  const computed = (i: number, vector: Vector): Code => {
    const step = body[i]
    const of = (operand: number): Code => value(operand, vector.slot)
    switch (step._tag) {
      case 'constant':
        return constantLanes(step.dtype, step.value)
      case 'index':
        return varies[i] ? indices(i, step, vector) : indexLanes(step, i32x4.splat(coordinate(step)))
      case 'load': {
        const { dtype, buffer, at } = step
        const from = place(base(buffer, dtype, at), dtype, at, vector)
        return varies[i] ? loadLanes(dtype, from, vector.lanes) : loadSplat(dtype, from)
      }
      case 'lookup':
        return varies[i] ? lookup(i, step, vector) : stillLookup(i, step)
      case 'fold':
        return foldOfSame(step.fn, step.dtype, of(step.x), extents[row])
      case 'unary':
        return operations.unary(step.fn, step.dtype, of(step.x))
      case 'binary': {
        // What is known of an operand is known of the right one.
        const swaps = (step.fn === 'max' || step.fn === 'min') && body[step.x]._tag === 'constant'
        const [x, y] = swaps ? [step.y, step.x] : [step.x, step.y]
        return operations.binary(step.fn, step.dtype, of(x), of(y), operandOf(y))
      }
      case 'compare':
        return compareLanes(step.fn, step.of, of(step.x), of(step.y))
      case 'select':
        return v128.bitselect(of(step.ifTrue), of(step.ifFalse), of(step.condition))
      case 'cast':
        // Converting i32 takes one instruction, u32 eight; they are the same below 2^31.
        return castLanes(step.dtype, isBelowSign(step.x) ? 'i32' : step.from, of(step.x))
      case 'random':
        throw new Error('wasm: random bits were put into a loop for a device that stores them')
    }
  }

  const beforeRow = (i: number): Code => {
    const step = body[i]
    if (step._tag === 'lookup' && step.extent > 0 && isFound(step)) return findRow(i, step)
    if (step._tag !== 'index') return []
    const stride = step.at.strides[row]
    return set(
      firstIndices(i),
      i32x4.add(i32x4.splat(coordinate(step)), i32x4.const(0, stride, 2 * stride, 3 * stride))
    )
  }

  return {
    value,
    base,
    place,
    levelOf: (i) => levels[i],
    beforeRow,
    compute: (i, vector) => set(value(i, vector.slot), computed(i, vector))
  }
}
