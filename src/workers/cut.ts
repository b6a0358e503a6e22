/**
 * A program cut into parts that can run side by side, whoever runs them: first what measures its large arrays, then the rest.
 *
 * A measure is a single number made from a large array: the squared norm of a gradient. Measures come first, each computed
 * once. Everything else that the outputs need is then computed in parts; what is the same for all of them, such as a
 * learning rate, or a global norm from its measures, in each part again. Outputs that share work on large arrays are in one
 * part: a parameter and its moments. Where all that they share is element by element, they are cut to blocks of elements.
 *
 * The cut depends on the program only, so the bits do not depend on the number of workers.
 */

import { bytesPerElement } from '../tensor/dtype.js'
import { extract, type Extracted } from '../tensor/program/extract.js'
import { instructionOf, specOf, type Program } from '../tensor/program/program.js'
import { sizeOf } from '../tensor/shape.js'
import { elementwiseSize, ofLength } from './elementwise.js'
import { blocksOf, evenRuns, partsFor, type Block } from './runs.js'

export type Part = Extracted & {
  /** Of which value of the whole each output of the part is. */
  readonly outputs: ReadonlyArray<number>
  /** The elements of its large arrays, of which all have as many, that it reads and writes: all, where not given. */
  readonly block?: Block
}

export type Cut = {
  /** Their outputs are the measures. */
  readonly measures: ReadonlyArray<Part>
  /** They read inputs of the whole and measures; their outputs are those of the whole, at these positions. */
  readonly parts: ReadonlyArray<Part & { readonly positions: ReadonlyArray<number> }>
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
  return { isMeasure, isHeavy }
}

const bytesOf = (program: Program, v: number): number => {
  const { shape, dtype } = specOf(program, v)
  return sizeOf(shape) * bytesPerElement(dtype)
}

/** Positions of outputs, those that share heavy values together. */
const groupsOf = (program: Program, { isMeasure, isHeavy }: Facts): ReadonlyArray<ReadonlyArray<number>> => {
  const { find, join } = unions()
  const values = program.inputs.length + program.instructions.length
  // An output is a value of its own beyond the others.
  program.outputs.forEach(({ value }, position) => {
    const seen = new Set<number>()
    const stack = [value]
    for (let v = stack.pop(); v !== undefined; v = stack.pop()) {
      if (seen.has(v) || isMeasure[v]) continue
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

/** What is heavier than this many even shares is cut to blocks, if it can be. */
const mostOfShare = 1.5

const inBlocks = <P extends Part>(part: P, count: number): ReadonlyArray<P> => {
  const size = elementwiseSize(part.program)
  return size === undefined
    ? [part]
    : blocksOf(size, count).map((block) => ({ ...part, program: ofLength(part.program, block.size), block }))
}

/** Cuts a program by the bytes of its outputs. */
export const cutProgram = (program: Program): Cut => {
  const facts = factsOf(program)
  const part = (outputs: Program['outputs'], given: ReadonlyArray<number>): Part => ({
    ...extract(program, outputs, given),
    outputs: outputs.map(({ value }) => value)
  })
  const measured = facts.isMeasure.flatMap((is, v) => (is ? [v] : []))
  const measure = measured.map((value) => part([{ name: `value${value}`, value }], []))
  const read = measure.map(({ inputs }) => inputs.reduce((sum, v) => sum + bytesOf(program, v), 0))
  const total = (bytes: ReadonlyArray<number>): number => bytes.reduce((a, b) => a + b, 0)
  const partOf = (positions: ReadonlyArray<number>): Cut['parts'][number] => ({
    ...part(
      positions.map((i) => program.outputs[i]),
      measured
    ),
    positions
  })
  const groups = groupsOf(program, facts).map((positions) => ({
    positions,
    bytes: total(positions.map((i) => bytesOf(program, program.outputs[i].value)))
  }))
  const written = total(groups.map(({ bytes }) => bytes))
  const share = written / partsFor(written)
  const wholes = groups.filter(({ bytes }) => bytes <= mostOfShare * share)
  const runs = evenRuns(
    wholes.map(({ bytes }) => bytes),
    partsFor(total(wholes.map(({ bytes }) => bytes)))
  )
  return {
    measures: evenRuns(read, partsFor(total(read))).map((run) =>
      part(
        run.map((i) => ({ name: `value${measured[i]}`, value: measured[i] })),
        []
      )
    ),
    parts: [
      ...groups.flatMap(({ positions, bytes }) =>
        bytes <= mostOfShare * share ? [] : inBlocks(partOf(positions), Math.ceil(bytes / share))
      ),
      ...runs.map((run) => partOf(run.flatMap((i) => wholes[i].positions)))
    ]
  }
}
