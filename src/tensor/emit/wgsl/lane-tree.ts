/**
 * Partial results of the invocations that share a row, made one by a tree in workgroup memory: always in the same order.
 */

import type { DType } from '../../dtype.js'
import type { Reduction } from '../../elementwise.js'
import type { FusedStep } from '../../program/fused.js'
import { range } from '../../range.js'
import { combine, typeOf } from './scalar.js'
import type { Lines, Memory } from './shader.js'

/** A value that each invocation has a part of, by the names of the part and of the whole. */
export type Folded = { readonly fn: Reduction; readonly dtype: DType; readonly part: string; readonly whole: string }

/** Values that are folded at the same time, at most: kernels with many folds have workgroup memory for all the same. */
const most = 8

/** The workgroup memory for a value: one array for each that is folded at the same time, by its dtype. */
const arrayOf = (folded: ReadonlyArray<Folded>, at: number): string => {
  const { dtype } = folded[at]
  return `s_${dtype}_${folded.slice(0, at).filter((other) => other.dtype === dtype).length}`
}

/** Lines after which the wholes are known to all `lanes` invocations. */
export const laneTree = (folded: ReadonlyArray<Folded>, lanes: number): Lines => {
  if (folded.length === 0) return []
  if (lanes === 1) return folded.map(({ part, whole }) => `let ${whole} = ${part};`)
  if (folded.length > most) return [...laneTree(folded.slice(0, most), lanes), ...laneTree(folded.slice(most), lanes)]
  const level = (distance: number): Lines => [
    `if (lane < ${distance}u) {`,
    ...folded.map(({ fn, dtype }, i) => {
      const array = arrayOf(folded, i)
      return `${array}[t] = ${combine(fn, dtype, `${array}[t]`, `${array}[t + ${distance}u]`)};`
    }),
    '}',
    'workgroupBarrier();'
  ]
  const levels: Array<string> = []
  for (let distance = lanes / 2; distance >= 1; distance /= 2) levels.push(...level(distance))
  return [
    ...folded.map(({ part }, i) => `${arrayOf(folded, i)}[t] = ${part};`),
    'workgroupBarrier();',
    ...levels,
    ...folded.map(({ whole }, i) => `let ${whole} = ${arrayOf(folded, i)}[t - lane];`),
    'workgroupBarrier();'
  ]
}

/** The workgroup memory that folds of a body may need: as many arrays of a dtype as it has folds of it, and `most` at most. */
export const laneMemory = (body: ReadonlyArray<FusedStep>, lanes: number, workgroup: number): ReadonlyArray<Memory> => {
  if (lanes === 1) return []
  const folds = body.filter(({ _tag }) => _tag === 'fold')
  return [...new Set(folds.map(({ dtype }) => dtype))].flatMap((dtype) =>
    range(Math.min(most, folds.filter((fold) => fold.dtype === dtype).length)).map((i) => ({
      name: `s_${dtype}_${i}`,
      type: typeOf(dtype),
      count: workgroup
    }))
  )
}
