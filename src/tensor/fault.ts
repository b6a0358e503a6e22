/**
 * Mistakes in expressions: shapes, axes and dtypes that do not fit.
 *
 * The vocabulary throws a `TensorFault` at the line that wrote the operation; `trace`, `compile` and `evaluate` catch it
 * and return the `TensorError` as a `Left`. Text is made only by `showTensorError`.
 */

import type { DType } from './dtype.js'
import { showShape, type Shape } from './shape.js'

export type TensorError = Mistake & {
  /** Where the operation was written, as engines print stacks. Not enumerable: errors are compared by what they say. */
  readonly stack?: string
}

type Mistake =
  | { readonly _tag: 'ShapeMismatch'; readonly op: string; readonly shapes: ReadonlyArray<Shape> }
  | { readonly _tag: 'AxisOutOfRange'; readonly op: string; readonly axis: number; readonly rank: number }
  | {
      readonly _tag: 'DTypeMismatch'
      readonly op: string
      readonly found: ReadonlyArray<DType>
      readonly expected: string
    }
  | { readonly _tag: 'InvalidArgument'; readonly op: string; readonly found: string; readonly expected: string }

export const showTensorError = (e: TensorError): string => {
  switch (e._tag) {
    case 'ShapeMismatch':
      return `${e.op}: shapes do not match: ${e.shapes.map(showShape).join(' and ')}`
    case 'AxisOutOfRange':
      return `${e.op}: axis ${e.axis} is out of range for rank ${e.rank}`
    case 'DTypeMismatch':
      return `${e.op}: found ${e.found.join(' and ')}, expected ${e.expected}`
    case 'InvalidArgument':
      return `${e.op}: found ${e.found}, expected ${e.expected}`
  }
}

/**
 * The line that wrote the operation, ` at lossOf (file:///train.ts:12:5)`: the innermost call from outside this library. Empty where
 * the engine's stacks do not tell, as in a bundle.
 */
export const showWrittenAt = ({ stack = '' }: TensorError): string => {
  const frames = stack.split('\n').filter((line) => /^\s*at /.test(line))
  const library = /^.*?\(?((?:file:\/\/)?\/.*\/)tensor\/fault\.[jt]s:/.exec(frames[0] ?? '')?.[1]
  if (library === undefined) return ''
  const own = library.replace('file://', '')
  const frame = frames.find((line) => !line.includes(own) && !/node_modules\/fp-ts\/|\bnode:|<anonymous>/.test(line))
  return frame === undefined ? '' : `\n    ${frame.trim()}`
}

export class TensorFault extends Error {
  override readonly name = 'TensorFault'
  readonly error: TensorError
  constructor(mistake: Mistake) {
    super(showTensorError(mistake))
    this.error = Object.defineProperty({ ...mistake }, 'stack', { value: this.stack })
  }
}

export const shapeMismatch = (op: string, ...shapes: ReadonlyArray<Shape>): TensorFault =>
  new TensorFault({ _tag: 'ShapeMismatch', op, shapes })

export const axisOutOfRange = (op: string, axis: number, rank: number): TensorFault =>
  new TensorFault({ _tag: 'AxisOutOfRange', op, axis, rank })

export const dtypeMismatch = (op: string, found: ReadonlyArray<DType>, expected: string): TensorFault =>
  new TensorFault({ _tag: 'DTypeMismatch', op, found, expected })

export const invalidArgument = (op: string, found: string, expected: string): TensorFault =>
  new TensorFault({ _tag: 'InvalidArgument', op, found, expected })
