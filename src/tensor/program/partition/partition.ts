/**
 * A program divided into parts that can run side by side, whoever runs them: first what measures its large arrays, then the rest.
 *
 * A measure is a single number made from a large array: the squared norm of a gradient. Measures come first, then what is made
 * of them and the same for all arrays: a factor to clip by, from the global norm. Everything else that the outputs need is
 * then computed in parts, a group of outputs in one of them (`groups.ts`). Where all that a group computes is element by
 * element, it is divided into blocks of elements.
 *
 * Outputs may take the places of inputs. Nobody then reads what another part replaces: parts can run in any order, or side by
 * side, each computed aside before it is copied into place.
 *
 * The partition depends on the program and the limits only, so the bits do not depend on the number of workers.
 */

import { bytesPerElement } from '../../dtype.js'
import { extract, type Extracted } from '../extract.js'
import { specOf, type Program } from '../program.js'
import { sizeOf } from '../../shape.js'
import { elementwiseSize, ofLength } from './elementwise.js'
import { groupOutputs } from './groups.js'
import { defaultPartitionLimits, partsFor, type PartitionLimits } from './limits.js'
import { rolesIn } from './roles.js'
import { blocksOf, evenRuns, type Block } from './runs.js'

/** A program that computes some values of the whole. */
export type Piece = Extracted & {
  /** Of which value of the whole each output is. */
  readonly outputs: ReadonlyArray<number>
}

/** A program that computes some outputs of the whole, or a block of them. */
export type OutputPiece = Piece & {
  /** Which output of the whole each output is. */
  readonly positions: ReadonlyArray<number>
  /** The elements of its large arrays, of which all have as many, that it reads and writes: all, where not given. */
  readonly block?: Block
}

export type Partition = {
  /** Their outputs are the measures. */
  readonly measures: ReadonlyArray<Piece>
  /** Reads measures, and gives the single numbers that large values are computed with, and copies of the `snapshots`. */
  readonly factors: Piece
  /** Inputs of which parts read the copy: one part replaces them, and another reads them. */
  readonly snapshots: ReadonlyArray<number>
  /** Each part is some pieces, done one after the other. They read inputs of the whole, measures, factors and snapshots. */
  readonly parts: ReadonlyArray<ReadonlyArray<OutputPiece>>
}

const total = (weights: ReadonlyArray<number>): number => weights.reduce((a, b) => a + b, 0)

const bytesOf = (program: Program, values: ReadonlyArray<number>): number =>
  total(
    values.map((v) => {
      const { shape, dtype } = specOf(program, v)
      return sizeOf(shape) * bytesPerElement(dtype)
    })
  )

const piece = (program: Program, outputs: Program['outputs'], given: ReadonlyArray<number>): Piece => ({
  ...extract(program, outputs, given),
  outputs: outputs.map(({ value }) => value)
})

const named = (values: ReadonlyArray<number>): Program['outputs'] =>
  values.map((value) => ({ name: `value${value}`, value }))

/** Some outputs of the whole, or a block of them, by their bytes. */
type Unit = { readonly positions: ReadonlyArray<number>; readonly bytes: number; readonly block?: OutputPiece }

/**
 * Divides a program by the bytes of its outputs, of which the first `inPlace` take the places of its first `inPlace` inputs.
 * An output that replaces an input by itself is in no part.
 */
export const partitionProgram = (
  program: Program,
  inPlace = 0,
  limits: PartitionLimits = defaultPartitionLimits
): Partition => {
  const roles = rolesIn(program)
  const those = (are: ReadonlyArray<boolean>): ReadonlyArray<number> => are.flatMap((is, v) => (is ? [v] : []))
  const measured = those(roles.isMeasure)
  const factors = those(roles.isFactor)
  const { groups, snapshots } = groupOutputs(program, roles, inPlace, limits)

  const measure = (values: ReadonlyArray<number>): Piece => piece(program, named(values), [])
  const outputPiece = (positions: ReadonlyArray<number>): OutputPiece => ({
    ...piece(
      program,
      positions.map((i) => program.outputs[i]),
      [...measured, ...factors]
    ),
    positions
  })
  /** A group whole, or in blocks. */
  const unitsOf = (positions: ReadonlyArray<number>): ReadonlyArray<Unit> => {
    const bytes = bytesOf(
      program,
      positions.map((i) => program.outputs[i].value)
    )
    if (bytes <= positions.length * limits.blockElements) return [{ positions, bytes }]
    const whole = outputPiece(positions)
    const size = elementwiseSize(whole.program)
    return size === undefined
      ? [{ positions, bytes }]
      : blocksOf(size, limits.blockElements).map((block) => ({
          positions,
          bytes: (bytes * block.size) / size,
          block: { ...whole, program: ofLength(whole.program, block.size), block }
        }))
  }
  /** The blocks of a run, one by one, and what is whole all together. */
  const partOf = (units: ReadonlyArray<Unit>): ReadonlyArray<OutputPiece> => {
    const together = units.flatMap(({ positions, block }) => (block === undefined ? positions : []))
    return [...units.flatMap(({ block }) => block ?? []), ...(together.length === 0 ? [] : [outputPiece(together)])]
  }

  const read = measured.map((v) => bytesOf(program, measure([v]).inputs))
  const units = groups.flatMap(unitsOf)
  const written = units.map(({ bytes }) => bytes)
  return {
    measures: evenRuns(read, partsFor(total(read), limits)).map((run) => measure(run.map((i) => measured[i]))),
    factors: piece(program, named([...factors, ...snapshots]), measured),
    snapshots,
    parts: evenRuns(written, partsFor(total(written), limits)).map((run) => partOf(run.map((i) => units[i])))
  }
}
