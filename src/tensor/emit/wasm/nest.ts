/**
 * The loops around a row, while they are written.
 *
 * Code is put just inside the innermost loop that it depends on: address arithmetic and values that are the same for many
 * rows are computed once for them.
 */

import type { Affine } from '../../program/kernel.js'
import type { Shape } from '../../shape.js'
import { doWhile, increase, set, tee, when, type Code, type Local, type Scope } from './assembler.js'
import * as i32 from './assembler/i32.js'

/** `levels` counts the loops that code lies in. */
export type Nest = {
  readonly levels: number
  /** Where each loop is, from 0 on. */
  readonly counters: ReadonlyArray<Local>
  /** Adds code at a level, after what is there. */
  readonly at: (level: number, code: Code) => void
  /** The least level where the outer part of an affine function is known. */
  readonly levelOf: (at: Affine) => number
  /** `start + scale * (the outer part of the strides)`, an i32. `name` says what `start` is. */
  readonly along: (start: Code, name: string, scale: number, at: Affine) => Code
  /** The loops with `row` inside, the outermost from `lo` to `hi`. */
  readonly around: (lo: Local, hi: Local, row: Code) => Code
}

/** `extents` are of the outer axes; there is one at least. */
export const nestOver = (extents: Shape, scope: Scope): Nest => {
  const counters = extents.map(() => scope.local('i32'))
  const code: ReadonlyArray<Array<Code>> = [[], ...extents.map(() => [])]
  const known = new Map<string, Local>()
  const at = (level: number, added: Code): void => void code[level].push(added)
  return {
    levels: extents.length,
    counters,
    at,
    levelOf: ({ strides }) => 1 + extents.reduce((last, _, axis) => (strides[axis] === 0 ? last : axis), -1),
    along: (start, name, scale, { strides }) => {
      let key = name
      let sum = start
      extents.forEach((_, axis) => {
        const step = strides[axis] * scale
        if (step === 0) return
        key += ` ${axis}*${step}`
        const partial = known.get(key) ?? scope.local('i32')
        if (!known.has(key)) at(axis + 1, set(partial, i32.add(sum, i32.mul(counters[axis], i32.const(step)))))
        known.set(key, partial)
        sum = partial
      })
      return sum
    },
    around: (lo, hi, row) => {
      const inner = extents.slice(1).reduceRight<Code>((body, extent, i) => {
        const counter = counters[i + 1]
        return [
          set(counter, i32.const(0)),
          doWhile([code[i + 2], body], i32.ltU(tee(counter, i32.add(counter, i32.const(1))), i32.const(extent)))
        ]
      }, row)
      const [first] = counters
      return when(i32.ltU(lo, hi), [
        code[0],
        set(first, lo),
        doWhile([code[1], inner, increase(first, i32.const(1))], i32.ltU(first, hi))
      ])
    }
  }
}
