/**
 * Loop bodies as JavaScript statements: each step at the outermost loop where it can be computed.
 *
 * A step that reads nothing which varies along the inner loops is hoisted out of them, and so is index arithmetic. Steps
 * used once, where they are used, are written in place; the others become `const`s.
 */

import type { DType } from '../dtype.js'
import type { Affine, Step } from '../program/kernel.js'
import { printBinary, printCast, printCompare, printLoaded, printNumber, printUnary } from './js-scalar.js'

/** Statements by depth: 0 before all loops, `d` inside the d-th loop. */
export type Levels = ReadonlyArray<Array<string>>

export type BodyPrinter = {
  readonly levels: Levels
  /** The expression of a step, for use at the innermost level. */
  readonly value: (step: number) => string
  /** The expression of an affine function of the loops. */
  readonly place: (at: Affine) => string
}

/** Names a buffer; the name carries the element type, so that code for different types never looks the same. */
export type NameBuffer = (buffer: number, dtype: DType) => string

const operandsOf = (step: Step): ReadonlyArray<number> => {
  switch (step._tag) {
    case 'constant':
    case 'index':
    case 'load':
      return []
    case 'lookup':
      // The index is printed twice or more: it is worth a name.
      return [step.index, step.index]
    case 'unary':
    case 'cast':
      return [step.x]
    case 'binary':
    case 'compare':
      return [step.x, step.y]
    case 'select':
      return [step.condition, step.ifTrue, step.ifFalse]
  }
}

/** Whether a step's value is an f32 as it stands: rounding it would change nothing. */
const isRounded = (steps: ReadonlyArray<Step>): ReadonlyArray<boolean> => {
  const rounded: Array<boolean> = []
  for (const step of steps) {
    const of = (): boolean => {
      switch (step._tag) {
        case 'constant':
        case 'load':
        case 'lookup':
        case 'cast':
        case 'compare':
          return true
        case 'index':
          return step.dtype !== 'f32'
        case 'unary':
          return step.dtype !== 'f32' || (['neg', 'abs', 'sign', 'floor'].includes(step.fn) && rounded[step.x])
        case 'binary':
          return step.dtype !== 'f32' || (['max', 'min'].includes(step.fn) && rounded[step.x] && rounded[step.y])
        case 'select':
          return rounded[step.ifTrue] && rounded[step.ifFalse]
      }
    }
    rounded.push(of())
  }
  return rounded
}

/**
 * Prints the steps of a body inside loops over `order` (loop numbers, outermost first). `results` are the steps that the
 * kernel uses; `loopName` names the variable of a loop.
 */
export const bodyPrinter = (
  steps: ReadonlyArray<Step>,
  results: ReadonlyArray<number>,
  order: ReadonlyArray<number>,
  loopName: (axis: number) => string,
  nameBuffer: NameBuffer
): BodyPrinter => {
  const levels: Levels = Array.from({ length: order.length + 1 }, () => [])
  const rounded = isRounded(steps)
  const names = new Map<string, string>()

  /** The name of an expression, declared at a level the first time. */
  const named = (prefix: string, level: number, expression: string): string => {
    const key = `${level}:${expression}`
    const old = names.get(key)
    if (old !== undefined) return old
    const name = `${prefix}${names.size}`
    names.set(key, name)
    levels[level].push(`const ${name} = ${expression}`)
    return name
  }

  const affineDepth = (at: Affine): number => {
    for (let depth = order.length; depth > 0; depth--) if (at.strides[order[depth - 1]] !== 0) return depth
    return 0
  }

  const place = (at: Affine): string => {
    const depth = affineDepth(at)
    let sum = at.offset === 0 ? '' : String(at.offset)
    for (let level = 1; level <= depth; level++) {
      const axis = order[level - 1]
      const stride = at.strides[axis]
      if (stride === 0) continue
      const term = stride === 1 ? loopName(axis) : `${loopName(axis)} * ${stride}`
      sum = sum === '' ? term : `${sum} + ${term}`
      if (level < depth && sum !== loopName(axis)) sum = named('p', level, sum)
    }
    return sum === '' ? '0' : sum
  }

  const depths: Array<number> = []
  for (const step of steps) {
    const own = step._tag === 'load' || step._tag === 'lookup' || step._tag === 'index' ? affineDepth(step.at) : 0
    depths.push(Math.max(own, ...operandsOf(step).map((x) => depths[x])))
  }

  const users: ReadonlyArray<Array<number>> = steps.map(() => [])
  steps.forEach((step, i) => operandsOf(step).forEach((x) => users[x].push(depths[i])))
  results.forEach((x) => users[x].push(order.length))

  const printed = new Map<number, string>()
  const value = (i: number): string => {
    const old = printed.get(i)
    if (old !== undefined) return old
    const expression = express(steps[i])
    const isInPlace = steps[i]._tag === 'constant' || (users[i].length === 1 && users[i][0] === depths[i])
    const text = isInPlace ? expression : named('v', depths[i], expression)
    printed.set(i, text)
    return text
  }

  /** What a discontinuous operation must see: the f32, not the double it is computed in. */
  const exact = (i: number): string => (steps[i].dtype === 'f32' && !rounded[i] ? `Math.fround(${value(i)})` : value(i))

  const express = (step: Step): string => {
    switch (step._tag) {
      case 'constant':
        return printNumber(step.dtype, step.value)
      case 'index':
        return `(${place(step.at)})`
      case 'load':
        return printLoaded(step.dtype, `${nameBuffer(step.buffer, step.dtype)}[${place(step.at)}]`)
      case 'lookup': {
        const index = value(step.index)
        const scaled = step.stride === 1 ? index : `${index} * ${step.stride}`
        const element = `${nameBuffer(step.buffer, step.dtype)}[${place(step.at)} + ${scaled}]`
        const nothing = step.dtype === 'bool' ? 'false' : '0'
        return `(${index} >= 0 && ${index} < ${step.extent} ? ${printLoaded(step.dtype, element)} : ${nothing})`
      }
      case 'unary':
        return printUnary(
          step.fn,
          step.dtype,
          step.fn === 'floor' || step.fn === 'sign' ? exact(step.x) : value(step.x)
        )
      case 'binary':
        return printBinary(step.fn, step.dtype, value(step.x), value(step.y))
      case 'compare':
        return printCompare(step.fn, exact(step.x), exact(step.y))
      case 'select':
        return `(${value(step.condition)} ? ${value(step.ifTrue)} : ${value(step.ifFalse)})`
      case 'cast':
        return printCast(step.dtype, step.from, exact(step.x))
    }
  }
  return { levels, value, place }
}
