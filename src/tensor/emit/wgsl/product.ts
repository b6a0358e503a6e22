/**
 * Matrix products as WGSL: a contraction by tiles of its result, where its sum is long in slices that a second dispatch adds up.
 *
 * Addresses are u32, known but for the coordinates of the tile, the thread and the turn: extents, strides and offsets are
 * printed as numbers, loops are unrolled, and what needs no guard has none.
 */

import { slicesOf, threadsOf, type ProductLimits, type Slices, type Tile } from '../../program/gpu/tiles.js'
import type { Storage } from '../../program/gpu/storages.js'
import type { Dispatch, Dispatches, Shader } from '../../program/gpu/dispatch.js'
import type { Contraction } from '../../program/kernel.js'
import { range } from '../../range.js'
import { sizeOf, stridesOf } from '../../shape.js'
import { matrixLoop, registerLoop, stagedLoop, type Loop, type LoopInput } from './product/loops.js'
import { bufferType, leftOperand, rightOperand, u32, vector, type OperandStorage } from './product/operand.js'
import {
  declare,
  finishFunction,
  putFunction,
  resultBindings,
  storedWidth,
  type Binding,
  type Epilogue,
  type Stored
} from './product/result.js'
import { library } from './library.js'
import { extensionsOf } from './shader.js'

export type { Binding as ProductBinding, Epilogue } from './product/result.js'

/** The numbers of a product's buffers, and how many elements those have. */
export type ProductBuffers = {
  readonly left: number
  readonly right: number
  readonly out: number
  readonly firstScratch: number
  readonly sizes: { readonly left: number; readonly right: number; readonly out: number }
  /** What they are stored as: f32 where it is not said. */
  readonly storages?: { readonly left: Storage; readonly right: Storage; readonly out: Storage }
  readonly epilogue?: Epilogue
}

const loops: Readonly<Record<Tile['via'], (input: LoopInput) => Loop>> = {
  staged: stagedLoop,
  registers: registerLoop,
  matrices: matrixLoop
}

/** A grid of at least `total` workgroups, with at most `most` along each dimension. */
export const gridOf = (total: number, most: number): readonly [number, number, number] => {
  const z = Math.ceil(total / (most * most))
  const y = Math.ceil(total / z / most)
  return [Math.ceil(total / z / y), y, z]
}

/** `g`, the number of the workgroup. Those beyond the last one leave. */
const workgroupNumber = (total: number, [x, y, z]: readonly [number, number, number]): ReadonlyArray<string> => [
  `let g = group.x${y > 1 ? ` + group.y * ${u32(x)}` : ''}${z > 1 ? ` + group.z * ${u32(x * y)}` : ''};`,
  ...(x * y * z > total ? [`if (g >= ${u32(total)}) { return; }`] : [])
]

const extensions = ({ via }: Tile): ReadonlyArray<string> =>
  via === 'matrices' ? ['enable subgroups;', 'enable chromium_experimental_subgroup_matrix;'] : []

const shader = (
  head: ReadonlyArray<string>,
  bindings: ReadonlyArray<Binding>,
  functions: ReadonlyArray<string>,
  threads: { readonly count: number; readonly inSubgroups: boolean },
  body: ReadonlyArray<string>
): Shader => {
  const code = [
    declare(bindings),
    library([...functions, ...body].join('\n')),
    ...functions,
    `@compute @workgroup_size(${threads.count})`,
    `fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) l: u32${
      threads.inSubgroups ? ', @builtin(subgroup_id) subgroup: u32' : ''
    }) {`,
    ...body.map((line) => `  ${line}`),
    '}',
    ''
  ].join('\n')
  return { access: bindings.map(({ access }) => access), code: [...extensionsOf(code), ...head, code].join('\n') }
}

/** Coordinates of the batch element `b`, printed: of axes that do not move, 0. */
const batchCoordinates = (batch: ReadonlyArray<number>): ReadonlyArray<string> =>
  stridesOf(batch).map((stride, d) => (batch[d] === 1 ? '0u' : `(b / ${u32(stride)} % ${u32(batch[d])})`))

/** Which tile, slice and batch element the workgroup `g` computes: tiles of a row of tiles first, so that they share rows. */
const placeOf = ({ batch, m, n, k }: Contraction, tile: Tile, { count, length }: Slices): ReadonlyArray<string> => {
  const [down, across] = [Math.ceil(m / tile.rows), Math.ceil(n / tile.columns)]
  const slice = count === 1 ? [] : [`let slice = g / ${u32(down * across)} % ${u32(count)};`]
  const isCut = count > 1
  return [
    `let column = g % ${u32(across)} * ${u32(tile.columns)};`,
    `let row = g / ${u32(across)} % ${u32(down)} * ${u32(tile.rows)};`,
    ...slice,
    `let b = g / ${u32(down * across * count)};`,
    `let start = ${isCut ? `slice * ${u32(length)}` : '0u'};`,
    `let end = ${isCut ? `min(start + ${u32(length)}, ${u32(k)})` : u32(k)};`,
    `let base = ${isCut ? `slice * ${u32(sizeOf(batch) * m * n)} + ` : ''}b * ${u32(m * n)};`
  ]
}

/** Shaders are written for buffers that hold all that is read and written. */
const expectRoom = (size: number, reach: number): void => {
  if (size < reach) throw new Error(`a product reaches ${reach} elements of a buffer of ${size}`)
}

/** Matrices take nothing but f16, to which workgroup memory of it rounds. */
const operandStorage = (
  storage: Storage = 'f32',
  { via }: Tile,
  { precision }: Pick<ProductLimits, 'precision'>
): OperandStorage => ({ storage, isRounded: precision === 'mixed' && storage === 'f32' && via !== 'matrices' })

const tilesDispatch = (
  contraction: Contraction,
  tile: Tile,
  slices: Slices,
  { left, right, sizes, storages }: ProductBuffers,
  out: number,
  stored: Stored,
  limits: ProductLimits
): Dispatch => {
  const { batch, m, n } = contraction
  const [a, b] = [
    leftOperand(contraction, operandStorage(storages?.left, tile, limits), tile, slices),
    rightOperand(contraction, operandStorage(storages?.right, tile, limits), tile, slices)
  ]
  expectRoom(sizes.left, a.reach)
  expectRoom(sizes.right, b.reach)
  const total = Math.ceil(m / tile.rows) * Math.ceil(n / tile.columns) * slices.count * sizeOf(batch)
  const workgroups = gridOf(total, limits.maxComputeWorkgroupsPerDimension)
  const { declarations, body } = loops[tile.via]({ tile, left: a, right: b, coordinates: batchCoordinates(batch) })
  const bindings: ReadonlyArray<Binding> = [
    { buffer: left, access: 'read', name: 'left', type: bufferType(a) },
    { buffer: right, access: 'read', name: 'right', type: bufferType(b) },
    ...resultBindings(out, stored)
  ]
  const guards = { rows: m % tile.rows !== 0, columns: n % tile.columns !== 0 }
  return {
    shader: shader(
      extensions(tile),
      bindings,
      [...declarations, finishFunction(stored), putFunction(m, n, guards)],
      { count: threadsOf(tile), inSubgroups: tile.via === 'matrices' },
      [...workgroupNumber(total, workgroups), ...placeOf(contraction, tile, slices), ...body]
    ),
    buffers: bindings.map(({ buffer }) => buffer),
    workgroups
  }
}

const finishThreads = 64

/** Adds the slices, first to last, a vector a thread. */
const finishDispatch = (
  partials: number,
  slices: Slices,
  out: number,
  stored: Stored,
  limits: ProductLimits
): Dispatch => {
  const width = storedWidth(stored.columns)
  const type = vector(width, 'f32')
  const vectors = stored.size / width
  const total = Math.ceil(vectors / finishThreads)
  const workgroups = gridOf(total, limits.maxComputeWorkgroupsPerDimension)
  const bindings: ReadonlyArray<Binding> = [
    { buffer: partials, access: 'read', name: 'partials', type: `array<${type}, ${slices.count * vectors}>` },
    ...resultBindings(out, stored)
  ]
  const terms = range(slices.count).map((slice) => `sum += partials[at + ${u32(slice * vectors)}];`)
  return {
    shader: shader([], bindings, [finishFunction(stored)], { count: finishThreads, inSubgroups: false }, [
      ...workgroupNumber(total, workgroups),
      `let at = g * ${u32(finishThreads)} + l;`,
      ...(vectors % finishThreads === 0 ? [] : [`if (at >= ${u32(vectors)}) { return; }`]),
      `var sum = ${type}();`,
      ...terms,
      'finish(at, sum);'
    ]),
    buffers: bindings.map(({ buffer }) => buffer),
    workgroups
  }
}

const stored = (storage: Storage, { batch, m, n }: Contraction, copies: number, epilogue?: Epilogue): Stored => ({
  storage,
  columns: n,
  size: copies * sizeOf(batch) * m * n,
  epilogue
})

/**
 * The dispatches that compute a contraction, into a buffer of its own result's size.
 *
 *     out[b, i, j] = finish(sum_p left[b, i, p] right[b, p, j])
 *
 * Terms are added in order within a slice, and slices in order, whatever the tile. `m`, `n`, `k` and all of `batch` are at least 1; strides may be 0 or negative.
 */
export const tiledProduct = (
  contraction: Contraction,
  tile: Tile,
  buffers: ProductBuffers,
  limits: ProductLimits
): Dispatches => {
  const { out, firstScratch, sizes, storages, epilogue } = buffers
  const slices = slicesOf(contraction, limits)
  const result = stored(storages?.out ?? 'f32', contraction, 1, epilogue)
  expectRoom(sizes.out, result.size)
  if (slices.count === 1)
    return { list: [tilesDispatch(contraction, tile, slices, buffers, out, result, limits)], scratch: [] }
  const partials = stored('f32', contraction, slices.count)
  return {
    list: [
      tilesDispatch(contraction, tile, slices, buffers, firstScratch, partials, limits),
      finishDispatch(firstScratch, slices, out, result, limits)
    ],
    scratch: [partials.size]
  }
}
