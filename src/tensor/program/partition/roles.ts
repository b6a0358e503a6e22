/**
 * What the values of a program are to a partition of it.
 */

import { sizeOf } from '../../shape.js'
import { instructionOf, specOf, type Program } from '../program.js'

export type Roles = {
  /** Single numbers made from large inputs, not from other measures: the squared norm of a gradient. */
  readonly isMeasure: ReadonlyArray<boolean>
  /** Large values that were made from large inputs. */
  readonly isHeavy: ReadonlyArray<boolean>
  /** Single numbers that were made from measures, and that large values are made of: a factor to clip by, from the global norm. */
  readonly isFactor: ReadonlyArray<boolean>
}

export const rolesIn = (program: Program): Roles => {
  const values = program.inputs.length + program.instructions.length
  const isLarge = (v: number): boolean => sizeOf(specOf(program, v).shape) > 1
  const [isMeasure, isHeavy, isAfter]: [Array<boolean>, Array<boolean>, Array<boolean>] = [[], [], []]
  for (let v = 0; v < values; v++) {
    const operands = instructionOf(program, v)?.inputs ?? []
    const isMade = operands.some((x) => isHeavy[x] || (isLarge(x) && x < program.inputs.length))
    const later = operands.some((x) => isAfter[x] || isMeasure[x])
    isMeasure.push(isMade && !isLarge(v) && !later)
    isHeavy.push(isMade && isLarge(v))
    isAfter.push(later)
  }
  const isFactor = new Array<boolean>(values).fill(false)
  for (let v = 0; v < values; v++)
    if (isLarge(v)) for (const x of instructionOf(program, v)?.inputs ?? []) isFactor[x] ||= isAfter[x] && !isLarge(x)
  return { isMeasure, isHeavy, isFactor }
}
