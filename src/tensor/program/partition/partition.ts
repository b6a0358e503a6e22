/**
 * A program cut into parts that can run side by side, whoever runs them: first what measures its large arrays, then the rest.
 *
 * A measure is a single number made from a large array: the squared norm of a gradient. Measures come first, then what is made
 * of them and the same for all arrays: a factor to clip by, from the global norm. Everything else that the outputs need is
 * then computed in parts. Outputs that share work on large arrays are in one
 * part: a parameter and its moments. Where all that they share is element by element, they are cut to blocks of elements.
 *
 * The cut depends on the program only, so the bits do not depend on the number of workers.
 */

import { bytesPerElement } from '../../dtype.js'
import { extract, type Extracted } from '../extract.js'
import { instructionOf, specOf, type Program } from '../program.js'
import { sizeOf } from '../../shape.js'
import { elementwiseSize, ofLength } from './elementwise.js'
import { blocksOf, evenRuns, partsFor, type Block } from './runs.js'

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
  /** Reads measures, and gives the single numbers that large values are computed with. */
  readonly factors: Piece
  /** Each part is some pieces, done one after the other. They read inputs of the whole, measures and factors. */
  readonly parts: ReadonlyArray<ReadonlyArray<OutputPiece>>
}

const range = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, i) => i)

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

type Facts = {
  readonly isMeasure: ReadonlyArray<boolean>
  /** Large values that were made from large inputs. */
  readonly isHeavy: ReadonlyArray<boolean>
  /** Single numbers that were made from measures, and that large values are made of. */
  readonly isFactor: ReadonlyArray<boolean>
}

const factsOf = (program: Program): Facts => {
  const values = program.inputs.length + program.instructions.length
  const isLarge = (v: number): boolean => sizeOf(specOf(program, v).shape) > 1
  const [isMeasure, isHeavy, isAfter]: [Array<boolean>, Array<boolean>, Array<boolean>] = [[], [], []]
  for (const v of range(values)) {
    const operands = instructionOf(program, v)?.inputs ?? []
    const isMade = operands.some((x) => isHeavy[x] || (isLarge(x) && x < program.inputs.length))
    const later = operands.some((x) => isAfter[x] || isMeasure[x])
    isMeasure.push(isMade && !isLarge(v) && !later)
    isHeavy.push(isMade && isLarge(v))
    isAfter.push(later)
  }
  const isFactor = range(values).map(() => false)
  for (const v of range(values).filter(isLarge))
    for (const x of instructionOf(program, v)?.inputs ?? []) isFactor[x] ||= isAfter[x] && !isLarge(x)
  return { isMeasure, isHeavy, isFactor }
}

const bytesOf = (program: Program, v: number): number => {
  const { shape, dtype } = specOf(program, v)
  return sizeOf(shape) * bytesPerElement(dtype)
}

/** Positions of outputs, those that share heavy values together. */
const groupsOf = (program: Program, { isMeasure, isHeavy, isFactor }: Facts): ReadonlyArray<ReadonlyArray<number>> => {
  const { find, join } = unions()
  const values = program.inputs.length + program.instructions.length
  // An output is a value of its own beyond the others.
  program.outputs.forEach(({ value }, position) => {
    const seen = new Set<number>()
    const stack = [value]
    for (let v = stack.pop(); v !== undefined; v = stack.pop()) {
      if (seen.has(v) || isMeasure[v] || isFactor[v]) continue
      seen.add(v)
      if (isHeavy[v]) join(values + position, v)
      stack.push(...(instructionOf(program, v)?.inputs ?? []))
    }
  })
  const groups = new Map<number, Array<number>>()
  program.outputs.forEach((_, position) => {
    const set = find(values + position)
    groups.set(set, [...(groups.get(set) ?? []), position])
  })
  return [...groups.values()]
}

/**
 * Elements of a block: few enough that all that Adam has of them stays in the second cache between computing and copying
 * into place, 896 KiB.
 */
const blockElements = 2 ** 15

type Unit = { readonly positions: ReadonlyArray<number>; readonly bytes: number; readonly piece?: OutputPiece }

/** Cuts a program by the bytes of its outputs. */
export const partitionProgram = (program: Program): Partition => {
  const facts = factsOf(program)
  const pieceOf = (outputs: Program['outputs'], given: ReadonlyArray<number>): Piece => ({
    ...extract(program, outputs, given),
    outputs: outputs.map(({ value }) => value)
  })
  const total = (bytes: ReadonlyArray<number>): number => bytes.reduce((a, b) => a + b, 0)

  const those = (are: ReadonlyArray<boolean>): ReadonlyArray<number> => are.flatMap((is, v) => (is ? [v] : []))
  const named = (values: ReadonlyArray<number>): Program['outputs'] =>
    values.map((value) => ({ name: `value${value}`, value }))

  const measured = those(facts.isMeasure)
  const factors = those(facts.isFactor)
  const measure = (values: ReadonlyArray<number>): Piece => pieceOf(named(values), [])
  const read = measured.map((v) => total(measure([v]).inputs.map((input) => bytesOf(program, input))))

  const outputPiece = (positions: ReadonlyArray<number>): OutputPiece => ({
    ...pieceOf(
      positions.map((i) => program.outputs[i]),
      [...measured, ...factors]
    ),
    positions
  })
  /** A group whole, or in blocks. */
  const unitsOf = (positions: ReadonlyArray<number>): ReadonlyArray<Unit> => {
    const bytes = total(positions.map((i) => bytesOf(program, program.outputs[i].value)))
    if (bytes <= positions.length * blockElements) return [{ positions, bytes }]
    const whole = outputPiece(positions)
    const size = elementwiseSize(whole.program)
    return size === undefined
      ? [{ positions, bytes }]
      : blocksOf(size, blockElements).map((block) => ({
          positions,
          bytes: (bytes * block.size) / size,
          piece: { ...whole, program: ofLength(whole.program, block.size), block }
        }))
  }
  const units = groupsOf(program, facts).flatMap(unitsOf)
  const written = units.map(({ bytes }) => bytes)
  return {
    measures: evenRuns(read, partsFor(total(read))).map((run) => measure(run.map((i) => measured[i]))),
    factors: pieceOf(named(factors), measured),
    parts: evenRuns(written, partsFor(total(written))).map((run) => {
      const together = run.flatMap((i) => (units[i].piece === undefined ? units[i].positions : []))
      return [...run.flatMap((i) => units[i].piece ?? []), ...(together.length === 0 ? [] : [outputPiece(together)])]
    })
  }
}
