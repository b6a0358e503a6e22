/**
 * Fused loops as formulas, the form in which people write them: one line for each buffer that is written.
 *
 *     s = sum_row(x) / 64
 *     v = x - s
 *     b9 = v * rsqrt(sum_row(v * v) / 64 + 1e-12) * weight[j] + bias[j]
 *     out.bias[j] += v
 *
 * A value has a line and a name of its own where it is used more than once, where it is one of a row and the row's elements
 * need it, and where a line would be too long without. One that is stored goes by the name of where it is stored.
 */

import type { Reduction } from '../../elementwise.js'
import {
  operandsOf,
  readsOfFused,
  variesAlongRow,
  writesOfFused,
  type FusedLoop,
  type FusedStep,
  type Store
} from '../fused.js'
import { atom, call, writeBinary, writeComparison, writeConstant, writeUnary, type Written } from './infix.js'
import { axisNames, subscript, writeAffine } from './subscript.js'

/** What a loop's buffers are called, and how many elements they have. */
export type BufferFacts = {
  readonly nameOf: (buffer: number) => string
  readonly sizeOf: (buffer: number) => number
}

/** Longer expressions are cut, at operands that are long enough to be worth a name. */
const widest = 96
const worthNaming = 12

/** Reads as short as the name that it would get. */
const isTrivial = ({ _tag }: FusedStep): boolean => _tag === 'constant' || _tag === 'load' || _tag === 'index'

/** How often each step is used. What tells a scatter where to add counts twice: it shall have a name. */
const usesOf = ({ body, stores }: FusedLoop): ReadonlyArray<number> => {
  const uses = body.map(() => 0)
  body.flatMap(operandsOf).forEach((x) => uses[x]++)
  stores.forEach(({ value, scatter }) => {
    uses[value]++
    if (scatter !== undefined) uses[scatter.index] += 2
  })
  return uses
}

/** For each step the reduction along the row that it comes from, if it is the same along the row and comes from one. */
const statisticsOf = ({ body }: FusedLoop, varies: ReadonlyArray<boolean>): ReadonlyArray<Reduction | undefined> => {
  const found: Array<Reduction | undefined> = []
  body.forEach((step, s) => {
    const inherited = operandsOf(step).flatMap((x) => found[x] ?? [])
    found.push(step._tag === 'fold' ? step.fn : varies[s] ? undefined : inherited.at(-1))
  })
  return found
}

const statisticNames: Readonly<Record<Reduction, string>> = { sum: 's', max: 'm', min: 'l' }

const letterOf = (step: FusedStep, statistic: Reduction | undefined): string => {
  if (statistic !== undefined) return statisticNames[statistic]
  if (step._tag === 'unary' && step.fn === 'exp') return 'e'
  return { f32: 'v', i32: 'n', u32: 'n', bool: 'c' }[step.dtype]
}

const combining: Readonly<Record<Reduction, string>> = { sum: '+=', max: 'max=', min: 'min=' }

/** One line for each store, and for each value that has a name of its own, in an order in which they could be carried out. */
export const loopFormulas = (loop: FusedLoop, { nameOf, sizeOf }: BufferFacts): ReadonlyArray<string> => {
  const { extents, body, stores } = loop
  const axes = axisNames(extents)
  const uses = usesOf(loop)
  const varies = variesAlongRow(loop)
  const statistics = statisticsOf(loop, varies)
  const neededAlongRow = new Set(body.flatMap((step, s) => (varies[s] ? operandsOf(step) : [])))
  const taken = new Set([...axes, ...[...readsOfFused(loop), ...writesOfFused(loop)].map(nameOf)])
  const lines: Array<string> = []
  const written: Array<Written> = []

  const element = (
    { buffer, at }: Pick<Store, 'buffer' | 'at'>,
    by?: { readonly index: number; readonly extent: number; readonly stride: number }
  ): string => {
    const index = by && { name: written[by.index], stride: by.stride, extent: by.extent }
    return `${nameOf(buffer)}${subscript({ axes, extents, at, size: sizeOf(buffer), index })}`
  }

  const write = (step: FusedStep): Written => {
    switch (step._tag) {
      case 'constant':
        return writeConstant(step.dtype, step.value)
      case 'index':
        return writeAffine(extents, step.at)
      case 'load':
        return atom(element(step))
      case 'lookup':
        return atom(element(step, step))
      case 'unary':
        return writeUnary(step.fn, step.dtype, written[step.x])
      case 'binary':
        return writeBinary(step.fn)(written[step.x], written[step.y])
      case 'compare':
        return writeComparison(step.fn)(written[step.x], written[step.y])
      case 'select':
        return call('where')(written[step.condition], written[step.ifTrue], written[step.ifFalse])
      case 'cast':
        return call(step.dtype)(written[step.x])
      case 'random':
        return call('random')(...step.key.map((x) => written[x]), writeAffine(extents, step.at))
      case 'fold':
        return call(`${step.fn}_row`)(written[step.x])
    }
  }

  const named = new Set<number>()

  const line = (left: string, sign: string, s: number): void => void lines.push(`${left} ${sign} ${written[s].text}`)

  /** Gives a step a line, and from there on the name on the left of it. */
  const define = (s: number, name: string): void => {
    line(name, '=', s)
    written[s] = atom(name)
    named.add(s)
  }

  const freshName = (s: number): string => {
    const letter = letterOf(body[s], statistics[s])
    let name = letter
    for (let n = 2; taken.has(name); n++) name = `${letter}${n}`
    taken.add(name)
    return name
  }

  const longestOperand = (step: FusedStep): number | undefined =>
    operandsOf(step)
      .filter((x) => !named.has(x) && written[x].text.length >= worthNaming)
      .sort((a, b) => written[b].text.length - written[a].text.length)
      .at(0)

  const shortened = (step: FusedStep): Written => {
    let whole = write(step)
    while (whole.text.length > widest) {
      const operand = longestOperand(step)
      if (operand === undefined) break
      define(operand, freshName(operand))
      whole = write(step)
    }
    return whole
  }

  body.forEach((step, s) => {
    written.push(shortened(step))
    stores
      .filter(({ value, combine }) => value === s && combine === undefined)
      .forEach((store) => (isTrivial(step) ? line(element(store), '=', s) : define(s, element(store))))
    const isShared = uses[s] > 1 || (statistics[s] !== undefined && neededAlongRow.has(s))
    if (isShared && !isTrivial(step) && !named.has(s)) define(s, freshName(s))
    stores.forEach((store) => {
      const { value, combine, scatter } = store
      if (combine !== undefined && Math.max(value, scatter?.index ?? 0) === s)
        line(element(store, scatter), combining[combine], value)
    })
  })
  return lines
}
