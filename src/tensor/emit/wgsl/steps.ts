/**
 * Steps of a loop as WGSL: each an expression over the names of those before it and the coordinates of a point.
 */

import type { FusedStep } from '../../program/fused.js'
import { binary, cast, compare, constant, select, unary } from './scalar.js'
import { affine, type Bindings } from './shader.js'

/** What a step is printed with. */
export type Point = {
  readonly bindings: Bindings
  /** The coordinates, one an axis. */
  readonly axes: ReadonlyArray<string>
  /** The name of the value of a step. */
  readonly name: (step: number) => string
}

type Printed = Exclude<FusedStep, { readonly _tag: 'fold' }>

export const expressionOf = (step: Printed, { bindings, axes, name }: Point): string => {
  switch (step._tag) {
    case 'constant':
      return constant(step.dtype, step.value)
    case 'index':
      // By way of i32: unsigned numbers are rounded wrongly by some.
      return step.dtype === 'u32' ? affine(step.at, axes) : `${step.dtype}(i32(${affine(step.at, axes)}))`
    case 'load':
      return bindings.load(step.buffer, affine(step.at, axes))
    case 'lookup': {
      const index = name(step.index)
      const isThere = `(${index} >= 0 && ${index} < ${step.extent})`
      const place = `${affine(step.at, axes)} + u32(select(0, ${index}, ${isThere})) * ${step.stride}u`
      return select(isThere, bindings.load(step.buffer, place), constant(step.dtype, 0))
    }
    case 'unary':
      return unary(step.fn, step.dtype, name(step.x))
    case 'binary':
      return binary(step.fn, step.dtype, name(step.x), name(step.y))
    case 'compare':
      return compare(step.fn, step.of, name(step.x), name(step.y))
    case 'select':
      return select(name(step.condition), name(step.ifTrue), name(step.ifFalse))
    case 'cast':
      return cast(step.dtype, step.from, name(step.x))
    case 'random': {
      const pair = ([a, b]: readonly [number, number]): string => `vec2<u32>(${name(a)}, ${name(b)})`
      return `pe_random_word(${pair(step.key)}, ${pair(step.counter)}, ${affine(step.at, axes)})`
    }
  }
}
