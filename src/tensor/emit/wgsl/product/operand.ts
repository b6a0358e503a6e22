/**
 * How a tiled product loads an operand: in blocks of four by four elements, as vectors where strides and offsets allow.
 *
 * An operand has a depth axis, over which is summed, and an outer one, which is rows of the left operand and columns of the
 * right one. A block is four lines of four elements each; a line lies along the axis whose elements are neighbours in memory.
 * Beyond an edge a block holds zeros: only where an extent is no multiple of the tile is there a guard, and never a clamp.
 */

import { range } from '../../../range.js'
import type { Contraction, StridedMatrix } from '../../../program/kernel.js'
import type { Slices, Tile } from '../../../program/gpu/tiles.js'
import type { Storage } from '../../../program/gpu/storages.js'
import type { Shape } from '../../../shape.js'
import type { View } from '../shader.js'

export const components = ['x', 'y', 'z', 'w'] as const

/** Elements that are loaded or stored at once. */
export type Width = 1 | 2 | 4

export const vector = (width: Width, scalar: string): string => (width === 1 ? scalar : `vec${width}<${scalar}>`)

/** A vector of f32 rounded to f16, component by component; `of` is a name. */
export const roundedToHalf = (width: Width, of: string): string =>
  width === 1
    ? `pe_half(${of})`
    : `${vector(width, 'f32')}(${components
        .slice(0, width)
        .map((c) => `pe_half(${of}.${c})`)
        .join(', ')})`

/** A u32 literal; a negative number wraps, and so does arithmetic with it. */
export const u32 = (n: number): string => `${n >>> 0}u`

/** `coefficient * name` of an address, or nothing. */
export const scaled = (name: string, coefficient: number): ReadonlyArray<string> =>
  coefficient === 0 ? [] : [coefficient === 1 ? name : `${name} * ${u32(coefficient)}`]

export const sum = (terms: ReadonlyArray<string>): string => (terms.length === 0 ? '0u' : terms.join(' + '))

type Axis = { readonly extent: number; readonly stride: number }

/** How an operand is stored, and whether what is loaded of it is yet to be rounded to f16. */
export type OperandStorage = { readonly storage: Storage; readonly isRounded: boolean }

export type Operand = OperandStorage & {
  readonly name: 'left' | 'right'
  readonly width: Width
  /** Which axis the lines of a block lie along. */
  readonly along: 'depth' | 'outer'
  readonly outer: Axis
  readonly depth: Axis
  readonly batch: ReadonlyArray<number>
  readonly offset: number
  /** Elements up to the last one that is read. */
  readonly reach: number
  /** Whether a tile may lie across the edge of the axis. */
  readonly guards: { readonly outer: boolean; readonly depth: boolean }
}

/** An operand whose buffer has a name. */
export type BoundOperand = Operand & { readonly variable: string }

/** The widest vectors that lines along the axis can be loaded as: every place where one begins is a multiple of their width. */
const widthAlong = (line: Axis, others: ReadonlyArray<Axis>, offset: number, slices: Slices | undefined): Width => {
  if (line.stride !== 1) return 1
  const begins = [
    offset,
    line.extent,
    ...(slices !== undefined && slices.count > 1 ? [slices.length] : []),
    ...others.filter(({ extent }) => extent > 1).map(({ stride }) => stride)
  ]
  const isAligned = (width: number): boolean => begins.every((n) => n % width === 0)
  return isAligned(4) ? 4 : isAligned(2) ? 2 : 1
}

/** Whether the last turn of any slice's loop is shorter than the others. */
const hasShortTurn = (k: number, { length }: Slices, depth: number): boolean =>
  Math.min(length, k) % depth !== 0 || (k % length) % depth !== 0

const operandOf = (
  name: 'left' | 'right',
  storage: OperandStorage,
  { offset, batch }: StridedMatrix,
  extents: Shape,
  outer: Axis & { readonly tile: number },
  depth: Axis & { readonly tile: number },
  slices: Slices
): Operand => {
  const planes = extents.map((extent, d) => ({ extent, stride: batch[d] }))
  const alongDepth = widthAlong(depth, [outer, ...planes], offset, slices)
  const alongOuter = widthAlong(outer, [depth, ...planes], offset, undefined)
  const isDepthNearer = alongDepth === alongOuter ? depth.stride === 1 && outer.stride !== 1 : alongDepth > alongOuter
  return {
    name,
    ...storage,
    width: isDepthNearer ? alongDepth : alongOuter,
    along: isDepthNearer ? 'depth' : 'outer',
    outer,
    depth,
    batch,
    offset,
    reach: [outer, depth, ...planes].reduce(
      (last, { extent, stride }) => last + Math.max(0, (extent - 1) * stride),
      offset + 1
    ),
    guards: { outer: outer.extent % outer.tile !== 0, depth: hasShortTurn(depth.extent, slices, depth.tile) }
  }
}

export const leftOperand = (
  { batch, m, k, left }: Contraction,
  storage: OperandStorage,
  tile: Tile,
  slices: Slices
): Operand =>
  operandOf(
    'left',
    storage,
    left,
    batch,
    { extent: m, stride: left.row, tile: tile.rows },
    { extent: k, stride: left.column, tile: tile.depth },
    slices
  )

export const rightOperand = (
  { batch, n, k, right }: Contraction,
  storage: OperandStorage,
  tile: Tile,
  slices: Slices
): Operand =>
  operandOf(
    'right',
    storage,
    right,
    batch,
    { extent: n, stride: right.column, tile: tile.columns },
    { extent: k, stride: right.row, tile: tile.depth },
    slices
  )

/** How its buffer is seen. Its size is a constant, so what a driver checks costs no question to the buffer. */
export const operandView = ({ width, storage, reach }: Pick<Operand, 'width' | 'storage' | 'reach'>): View => ({
  type: vector(width, storage),
  count: Math.ceil(reach / width)
})

/** The steps of an address, in vectors, along an axis. */
const stepOf = ({ width, along, depth, outer }: Operand, axis: 'depth' | 'outer'): number => {
  const { stride } = axis === 'depth' ? depth : outer
  return axis === along && width > 1 ? 1 / width : stride / width
}

/** `name` times a step, where a step of less than 1 is one of a line that begins at a multiple of the width. */
const stepped = (name: string, step: number): ReadonlyArray<string> =>
  Number.isInteger(step) ? scaled(name, step) : [`${name} / ${u32(1 / step)}`]

/** Where the element at `outer`, `depth` of the batch element with these coordinates is, in vectors. */
export const addressOf = (operand: Operand, coordinates: ReadonlyArray<string>, outer: string, depth: string): string =>
  sum([
    ...(operand.offset === 0 ? [] : [u32(operand.offset / operand.width)]),
    ...operand.batch.flatMap((stride, d) =>
      coordinates[d] === '0u' ? [] : scaled(coordinates[d], stride / operand.width)
    ),
    ...stepped(outer, stepOf(operand, 'outer')),
    ...stepped(depth, stepOf(operand, 'depth'))
  ])

/** How far `terms` of the sum move an address. They are a multiple of 4. */
export const advance = (operand: Operand, terms: number): string => u32(terms * stepOf(operand, 'depth'))

/** The names of a block's four lines. */
export type Block = { readonly operand: BoundOperand; readonly prefix: string }

const line = ({ prefix }: Block, i: number): string => `${prefix}${i}`

export const declareBlock = (prefix: string): string =>
  range(4)
    .map((i) => `var ${prefix}${i}: vec4<f32>;`)
    .join(' ')

/** The element at `outer`, `depth` of a block. */
export const elementOf = (block: Block, outer: number, depth: number): string =>
  block.operand.along === 'depth'
    ? `${line(block, outer)}.${components[depth]}`
    : `${line(block, depth)}.${components[outer]}`

/** The four elements at `depth` of a block, along the outer axis. */
export const acrossBlock = (block: Block, depth: number): string =>
  block.operand.along === 'depth'
    ? `vec4<f32>(${range(4)
        .map((outer) => elementOf(block, outer, depth))
        .join(', ')})`
    : line(block, depth)

/** Where a block begins: its address, and its coordinates for the guards. The sum ends before `end`. */
export type BlockPlace = {
  readonly address: string
  readonly outer: string
  readonly depth: string
  readonly end: string
}

export const plus = (name: string, n: number): string => (n === 0 ? name : `${name} + ${u32(n)}`)

/**
 * Assigns the four lines of a block. A guarded load is of the first element where its own is beyond an edge, and then 0: branches
 * cost more than that.
 */
export const loadBlock = (block: Block, { address, outer, depth, end }: BlockPlace): ReadonlyArray<string> => {
  const { operand } = block
  const { variable, width, along, guards } = operand
  const acrossStep = stepOf(operand, along === 'depth' ? 'outer' : 'depth')
  const alongStep = width > 1 ? 1 : stepOf(operand, along)
  const type = vector(width, 'f32')
  const load = (at: string, guard: string): string =>
    guard === ''
      ? `${type}(${variable}[${at}])`
      : `select(${type}(), ${type}(${variable}[select(0u, ${at}, ${guard})]), ${guard})`
  return range(4).flatMap((i) => {
    const parts = range(4 / width).map((part) => {
      const [o, d] = along === 'depth' ? [i, part * width] : [part * width, i]
      const inside = [
        ...(guards.outer ? [`${plus(outer, o)} < ${u32(operand.outer.extent)}`] : []),
        ...(guards.depth ? [`${plus(depth, d)} < ${end}`] : [])
      ]
      const guard = inside.length === 0 ? '' : `(${inside.map((fact) => `(${fact})`).join(' & ')})`
      return load(plus(address, i * acrossStep + part * alongStep), guard)
    })
    const assigned = line(block, i)
    return [
      `${assigned} = vec4<f32>(${parts.join(', ')});`,
      ...(operand.isRounded ? [`${assigned} = ${roundedToHalf(4, assigned)};`] : [])
    ]
  })
}
