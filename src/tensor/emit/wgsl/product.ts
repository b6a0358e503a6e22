/**
 * Matrix products as WGSL: a contraction, or slices of its sums, by tiles of the result.
 *
 * Addresses are u32, known but for the coordinates of the tile, the thread and the turn: extents, strides and offsets are
 * printed as numbers, loops are unrolled, and what needs no guard has none.
 */

import type { GpuProduct } from '../../program/gpu/gpu-kernel.js'
import type { Precision, Storage } from '../../program/gpu/storages.js'
import { threadsOf, type Slices, type Tile } from '../../program/gpu/tiles.js'
import type { Contraction } from '../../program/kernel.js'
import { sizeOf, stridesOf } from '../../shape.js'
import { matrixLoop, registerLoop, stagedLoop, tileMemory, type LoopInput } from './product/loops.js'
import {
  leftOperand,
  operandView,
  rightOperand,
  u32,
  type BoundOperand,
  type Operand,
  type OperandStorage
} from './product/operand.js'
import { resultFunctions, resultWanted, type Result } from './product/result.js'
import type { Binding, Bindings, Lines, ShaderPart } from './shader.js'

const loops: Readonly<Record<Tile['via'], (input: LoopInput) => Lines>> = {
  staged: stagedLoop,
  registers: registerLoop,
  matrices: matrixLoop
}

const extensions = ({ via }: Tile): ReadonlyArray<string> =>
  via === 'matrices' ? ['enable subgroups;', 'enable chromium_experimental_subgroup_matrix;'] : []

/** Coordinates of the batch element `b`, printed: of axes that do not move, 0. */
const batchCoordinates = (batch: ReadonlyArray<number>): ReadonlyArray<string> =>
  stridesOf(batch).map((stride, d) => (batch[d] === 1 ? '0u' : `(b / ${u32(stride)} % ${u32(batch[d])})`))

/** Which tile, slice and batch element a workgroup computes: tiles of a row of tiles first, so that they share rows. */
const placeOf = ({ batch, m, n, k }: Contraction, tile: Tile, { count, length }: Slices): Lines => {
  const [down, across] = [Math.ceil(m / tile.rows), Math.ceil(n / tile.columns)]
  const slice = count === 1 ? [] : [`let slice = group / ${u32(down * across)} % ${u32(count)};`]
  const isCut = count > 1
  return [
    `let column = group % ${u32(across)} * ${u32(tile.columns)};`,
    `let row = group / ${u32(across)} % ${u32(down)} * ${u32(tile.rows)};`,
    ...slice,
    `let b = group / ${u32(down * across * count)};`,
    `let start = ${isCut ? `slice * ${u32(length)}` : '0u'};`,
    `let end = ${isCut ? `min(start + ${u32(length)}, ${u32(k)})` : u32(k)};`,
    `let base = ${isCut ? `slice * ${u32(sizeOf(batch) * m * n)} + ` : ''}b * ${u32(m * n)};`
  ]
}

const operandWanted = (operand: Operand, buffer: number): Binding => ({
  buffer,
  dtype: 'f32',
  access: 'read',
  as: operandView(operand)
})

/** Matrices take nothing but f16, to which workgroup memory of it rounds. */
const operandStorage = (storage: Storage, { via }: Tile, precision: Precision): OperandStorage => ({
  storage,
  isRounded: precision === 'mixed' && storage === 'f32' && via !== 'matrices'
})

/**
 * A contraction into a buffer of its own result's size, or of its slices' results.
 *
 *     out[b, i, j] = finish(sum_p left[b, i, p] right[b, p, j])
 *
 * Terms are added in order, whatever the tile. `m`, `n`, `k` and all of `batch` are at least 1; strides may be 0 or negative.
 * Buffers among `halves` are stored as f16.
 */
export const productPart = (
  product: GpuProduct,
  tile: Tile,
  precision: Precision,
  halves: ReadonlySet<number>
): ShaderPart => {
  const { contraction, left, right, out, epilogue, slices = { count: 1, length: contraction.k } } = product
  const { batch, m, n } = contraction
  const storage = (buffer: number): Storage => (halves.has(buffer) ? 'f16' : 'f32')
  const [a, b] = [
    leftOperand(contraction, operandStorage(storage(left), tile, precision), tile, slices),
    rightOperand(contraction, operandStorage(storage(right), tile, precision), tile, slices)
  ]
  const result: Result = {
    out,
    storage: storage(out),
    rows: m,
    columns: n,
    size: slices.count * sizeOf(batch) * m * n,
    epilogue
  }
  const guards = { rows: m % tile.rows !== 0, columns: n % tile.columns !== 0 }
  const bound = (operand: Operand, buffer: number, { variable }: Bindings): BoundOperand => ({
    ...operand,
    variable: variable(buffer, operandView(operand).type)
  })
  const loop = (bindings: Bindings, put: string): Lines =>
    loops[tile.via]({
      tile,
      left: bound(a, left, bindings),
      right: bound(b, right, bindings),
      coordinates: batchCoordinates(batch),
      put
    })
  return {
    wanted: [operandWanted(a, left), operandWanted(b, right), ...resultWanted(result)],
    workgroup: threadsOf(tile),
    groups: Math.ceil(m / tile.rows) * Math.ceil(n / tile.columns) * slices.count * sizeOf(batch),
    extensions: extensions(tile),
    inSubgroups: tile.via === 'matrices',
    memory: tileMemory(tile),
    functions: (bindings, own) => resultFunctions(result, guards, bindings, own),
    body: (bindings, own) => [...placeOf(contraction, tile, slices), ...loop(bindings, own('put'))]
  }
}
