/**
 * What becomes of a product's sums: stored as they are for another dispatch to add, or finished and stored as the result.
 */

import type { Storage } from '../../../program/gpu/storages.js'
import { range } from '../../../range.js'
import { components, roundedToHalf, u32, vector, type Width } from './operand.js'

/** What is done with each element of a result once its sum is whole. */
export type Epilogue = {
  /** Buffers beside the operands and the result, by the names that the code has for them. */
  readonly bindings: ReadonlyArray<Binding>
  /** WGSL that declares `fn epilogue(at: u32, value: f32)`: it is told each element by its row-major number in the result. */
  readonly code: string
  /** Whether the result is stored as well. */
  readonly keepsResult: boolean
}

export type Stored = {
  readonly storage: Storage
  readonly columns: number
  /** Elements of the whole buffer. */
  readonly size: number
  readonly epilogue: Epilogue | undefined
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

const keeps = ({ epilogue }: Stored): boolean => epilogue?.keepsResult !== false

/** The buffers of a result: itself where it is stored, and those of its epilogue. */
export const resultBindings = (out: number, stored: Stored): ReadonlyArray<Binding> => {
  const { storage, columns, size, epilogue } = stored
  const width = storedWidth(columns)
  const type = `array<${vector(width, storage)}, ${size / width}>`
  return [
    ...(keeps(stored) ? [{ buffer: out, access: 'write', name: 'result', type } as const] : []),
    ...(epilogue?.bindings ?? [])
  ]
}

/** `finish(at, value)`: stores a vector of whole sums, and hands them to the epilogue; `at` counts vectors. */
export const finishFunction = (stored: Stored): string => {
  const { storage, columns, epilogue } = stored
  const width = storedWidth(columns)
  const component = (c: number): string => (width === 1 ? 'value' : `value.${components[c]}`)
  const lines = [
    ...(keeps(stored)
      ? [`result[at] = ${storage === 'f32' ? 'value' : `${vector(width, storage)}(${roundedToHalf(width, 'value')})`};`]
      : []),
    ...(epilogue === undefined
      ? []
      : range(width).map((c) => `epilogue(at * ${u32(width)} + ${u32(c)}, ${component(c)});`))
  ]
  return [
    ...(epilogue === undefined ? [] : [epilogue.code]),
    `fn finish(at: u32, value: ${vector(width, 'f32')}) {`,
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
    const store = `finish((at + ${u32(part * width)}) / ${u32(width)}, ${value});`
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
