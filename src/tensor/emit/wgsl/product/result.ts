/**
 * What becomes of a product's sums: they are stored, handed to an epilogue, or both.
 */

import type { Epilogue } from '../../../program/gpu/gpu-kernel.js'
import type { Storage } from '../../../program/gpu/storages.js'
import { range } from '../../../range.js'
import { epilogueLines, epilogueWanted } from '../epilogue.js'
import type { Binding, Bindings, Lines, Own, View } from '../shader.js'
import { components, roundedToHalf, u32, vector, type Width } from './operand.js'

export type Result = {
  readonly out: number
  readonly storage: Storage
  readonly rows: number
  readonly columns: number
  /** Elements of the whole buffer. */
  readonly size: number
  readonly epilogue: Epilogue | undefined
}

/** Rows are stored as vectors where each begins at a multiple of their width. */
const storedWidth = ({ columns }: Result): Width => (columns % 4 === 0 ? 4 : columns % 2 === 0 ? 2 : 1)

const viewOf = (result: Result): View => {
  const width = storedWidth(result)
  return { type: vector(width, result.storage), count: result.size / width }
}

const keeps = ({ epilogue }: Result): boolean => epilogue?.keepsResult !== false

/** The buffers of a result: itself where it is stored, and those of its epilogue. */
export const resultWanted = (result: Result): ReadonlyArray<Binding> => {
  const { out, epilogue } = result
  return [
    ...(keeps(result) ? [{ buffer: out, dtype: 'f32', access: 'write', as: viewOf(result) } as const] : []),
    ...(epilogue === undefined ? [] : epilogueWanted(epilogue, out))
  ]
}

/** `finish(at, value)`: stores a vector of whole sums, and hands them to the epilogue; `at` counts vectors. */
const finishFunction = (result: Result, bindings: Bindings, own: Own): Lines => {
  const { out, storage, epilogue } = result
  const width = storedWidth(result)
  const { type } = viewOf(result)
  const component = (c: number): string => (width === 1 ? 'value' : `value.${components[c]}`)
  return [
    ...(epilogue === undefined
      ? []
      : [
          `fn ${own('epilogue')}(at: u32, value: f32) {`,
          ...epilogueLines(epilogue, out, bindings, { at: 'at', value: 'value' }),
          '}'
        ]),
    `fn ${own('finish')}(at: u32, value: ${vector(width, 'f32')}) {`,
    ...(keeps(result)
      ? [
          `${bindings.variable(out, type)}[at] = ${storage === 'f32' ? 'value' : `${type}(${roundedToHalf(width, 'value')})`};`
        ]
      : []),
    ...(epilogue === undefined
      ? []
      : range(width).map((c) => `${own('epilogue')}(at * ${u32(width)} + ${u32(c)}, ${component(c)});`)),
    '}'
  ]
}

/** `put(base, row, column, sums)`: stores four sums of a row, but for those beyond an edge; `base` is the matrix's first element. */
const putFunction = (
  result: Result,
  guards: { readonly rows: boolean; readonly columns: boolean },
  own: Own
): Lines => {
  const { rows, columns } = result
  const width = storedWidth(result)
  const stores = range(4 / width).map((part) => {
    const column = part === 0 ? 'column' : `column + ${u32(part * width)}`
    const value = width === 4 ? 'sums' : `sums.${components.slice(part * width, (part + 1) * width).join('')}`
    const store = `${own('finish')}((at + ${u32(part * width)}) / ${u32(width)}, ${value});`
    return guards.columns ? `if (${column} < ${u32(columns)}) { ${store} }` : store
  })
  return [
    `fn ${own('put')}(base: u32, row: u32, column: u32, sums: vec4<f32>) {`,
    ...(guards.rows ? [`if (row >= ${u32(rows)}) { return; }`] : []),
    `let at = base + row * ${u32(columns)} + column;`,
    ...stores,
    '}'
  ]
}

/** The functions that end in `put`, which stores four sums of a row. */
export const resultFunctions = (
  result: Result,
  guards: { readonly rows: boolean; readonly columns: boolean },
  bindings: Bindings,
  own: Own
): Lines => [...finishFunction(result, bindings, own), ...putFunction(result, guards, own)]
