/**
 * What becomes of a product's sums: stored as they are for another dispatch to add, or finished and stored as the result.
 */

import type { Storage } from '../../../program/gpu/tiles.js'
import { range } from '../../../range.js'
import { components, u32, vector, type Width } from './operand.js'

/**
 * What is done to each sum before it is stored, in this order. Buffers are f32.
 *
 *     value = sum + bias[column];  value = map(value);  out = value + residual[batch, row, column]
 */
export type Epilogue = {
  /** A buffer of `n` elements. */
  readonly bias?: number
  /** A WGSL expression over `value`, an f32. */
  readonly map?: string
  /** WGSL functions that `map` calls. */
  readonly functions?: string
  /** A buffer with the shape of the result. */
  readonly residual?: number
}

export type Stored = {
  readonly storage: Storage
  readonly columns: number
  /** Elements of the whole buffer. */
  readonly size: number
  readonly epilogue: Epilogue
}

/** Rows are stored as vectors where each begins at a multiple of their width. */
export const storedWidth = (columns: number): Width => (columns % 4 === 0 ? 4 : columns % 2 === 0 ? 2 : 1)

/** A buffer that a shader is bound to: its number, and its declaration but for the place. */
export type Binding = {
  readonly buffer: number
  readonly access: 'read' | 'write'
  readonly name: string
  readonly type: string
}

const mode = { read: 'read', write: 'read_write' } as const

/** Buffers are bound in the order in which they are listed. */
export const declare = (bindings: ReadonlyArray<Binding>): string =>
  bindings
    .map(({ access, name, type }, i) => `@group(0) @binding(${i}) var<storage, ${mode[access]}> ${name}: ${type};`)
    .join('\n')

/** The buffers of a result: itself, and what its epilogue reads. */
export const resultBindings = (out: number, { storage, columns, size, epilogue }: Stored): ReadonlyArray<Binding> => {
  const width = storedWidth(columns)
  const vectors = (scalar: string): string => `array<${vector(width, scalar)}, ${size / width}>`
  const { bias, residual } = epilogue
  return [
    { buffer: out, access: 'write', name: 'result', type: vectors(storage) },
    ...(bias === undefined
      ? []
      : [{ buffer: bias, access: 'read', name: 'bias', type: `array<f32, ${columns}>` } as const]),
    ...(residual === undefined
      ? []
      : [{ buffer: residual, access: 'read', name: 'residual', type: vectors('f32') } as const])
  ]
}

/** `f` of each element of the vector `name`. */
const elementwise = (width: Width, name: string, f: (element: string) => string): string =>
  width === 1
    ? f(name)
    : `${vector(width, 'f32')}(${range(width)
        .map((c) => f(`${name}.${components[c]}`))
        .join(', ')})`

/** `finish(at, column, sum)`: the epilogue of one vector of sums, and its store; `at` counts vectors. */
export const finishFunction = ({ storage, columns, epilogue }: Stored): string => {
  const width = storedWidth(columns)
  const type = vector(width, 'f32')
  const biases = range(width).map((c) => `bias[column + ${u32(c)}]`)
  const lines = [
    ...(epilogue.bias === undefined ? [] : [`value += ${type}(${biases.join(', ')});`]),
    ...(epilogue.map === undefined ? [] : [`value = ${elementwise(width, 'value', (x) => `mapped(${x})`)};`]),
    ...(epilogue.residual === undefined ? [] : ['value += residual[at];']),
    `result[at] = ${storage === 'f32' ? 'value' : `${vector(width, storage)}(value)`};`
  ]
  return [
    ...(epilogue.functions === undefined ? [] : [epilogue.functions]),
    ...(epilogue.map === undefined ? [] : [`fn mapped(value: f32) -> f32 { return ${epilogue.map}; }`]),
    `fn finish(at: u32, column: u32, sum: ${type}) {`,
    '  var value = sum;',
    ...lines.map((text) => `  ${text}`),
    '}'
  ].join('\n')
}

/** `put(base, row, column, sums)`: stores four sums of a row, but for those beyond an edge; `base` is the matrix's first element. */
export const putFunction = (
  rows: number,
  columns: number,
  guards: { readonly rows: boolean; readonly columns: boolean }
): string => {
  const width = storedWidth(columns)
  const stores = range(4 / width).map((part) => {
    const column = part === 0 ? 'column' : `column + ${u32(part * width)}`
    const value = width === 4 ? 'sums' : `sums.${components.slice(part * width, (part + 1) * width).join('')}`
    const store = `finish((at + ${u32(part * width)}) / ${u32(width)}, ${column}, ${value});`
    return guards.columns ? `if (${column} < ${u32(columns)}) { ${store} }` : store
  })
  return [
    'fn put(base: u32, row: u32, column: u32, sums: vec4<f32>) {',
    ...(guards.rows ? [`  if (row >= ${u32(rows)}) { return; }`] : []),
    `  let at = base + row * ${u32(columns)} + column;`,
    ...stores.map((text) => `  ${text}`),
    '}'
  ].join('\n')
}
