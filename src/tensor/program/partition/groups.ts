/**
 * Which outputs of a program are computed together.
 *
 * Outputs that share work on large arrays are: a parameter and its moments. So are, where some outputs take the places of
 * inputs, an output that replaces an array and all that read it, since otherwise they might read what has already been
 * replaced. Of a small array those others read a copy instead, a snapshot: else a single number that all of them read would
 * keep them together.
 */

import { sizeOf } from '../../shape.js'
import { instructionOf, specOf, type Program } from '../program.js'
import type { PartitionLimits } from './limits.js'
import type { Roles } from './roles.js'

export type Groups = {
  /** Positions of outputs, each in one group, but of those that replace an input by itself. */
  readonly groups: ReadonlyArray<ReadonlyArray<number>>
  /** Inputs of which some groups read a copy, made before any group is computed. */
  readonly snapshots: ReadonlyArray<number>
}

/** Sets that grow together: `find` names the set of an element. */
const unions = () => {
  const parents = new Map<number, number>()
  const find = (x: number): number => {
    let at = x
    for (let up = parents.get(at); up !== undefined; up = parents.get(at)) at = up
    return at
  }
  return {
    find,
    join: (x: number, y: number): void => {
      const [a, b] = [find(x), find(y)]
      if (a !== b) parents.set(b, a)
    }
  }
}

/** The values that an output is computed from, itself among them, as far as they are not computed before all outputs. */
const computedFor = (program: Program, { isMeasure, isFactor }: Roles, position: number): ReadonlySet<number> => {
  const seen = new Set<number>()
  const stack = [program.outputs[position].value]
  for (let v = stack.pop(); v !== undefined; v = stack.pop()) {
    if (seen.has(v) || isMeasure[v] || isFactor[v]) continue
    seen.add(v)
    for (const u of instructionOf(program, v)?.inputs ?? []) stack.push(u)
  }
  return seen
}

/** The first `inPlace` outputs of the program take the places of as many inputs. */
export const groupOutputs = (
  program: Program,
  roles: Roles,
  inPlace: number,
  { snapshotElements }: PartitionLimits
): Groups => {
  const { find, join } = unions()
  const values = program.inputs.length + program.instructions.length
  // An output is an element of its own beyond the values.
  const output = (position: number): number => values + position
  const isReplaced = (v: number): boolean => v < inPlace && program.outputs[v].value !== v
  const isSmall = (v: number): boolean => sizeOf(specOf(program, v).shape) <= snapshotElements

  const positions = program.outputs.flatMap((_, i) => (i < inPlace && !isReplaced(i) ? [] : [i]))
  const reads = positions.map((position) => {
    const needed = computedFor(program, roles, position)
    for (const v of needed) {
      if (roles.isHeavy[v]) join(output(position), v)
      if (isReplaced(v) && !isSmall(v)) join(output(position), output(v))
    }
    return [...needed].filter((v) => isReplaced(v) && isSmall(v))
  })

  const groups = new Map<number, Array<number>>()
  for (const position of positions) {
    const group = find(output(position))
    groups.set(group, [...(groups.get(group) ?? []), position])
  }
  const elsewhere = positions.flatMap((position, i) =>
    reads[i].filter((v) => find(output(v)) !== find(output(position)))
  )
  return { groups: [...groups.values()], snapshots: [...new Set(elsewhere)].sort((a, b) => a - b) }
}
