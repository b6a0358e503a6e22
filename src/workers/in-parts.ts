/**
 * One program carried out by all workers of a pool: cut into parts that run side by side.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { specOf, type Program } from '../tensor/program/program.js'
import { cutProgram, type Part } from './cut.js'
import type { WorkerError } from './error.js'
import { allocateSlots, type Slot } from './memory.js'
import type { Pool } from './pool.js'
import type { ProgramId } from './runner.js'

export type InParts = {
  /** Runs it: inputs and outputs in the order of the program, no output where an input is. */
  readonly run: (inputs: ReadonlyArray<Slot>, outputs: ReadonlyArray<Slot>) => TE.TaskEither<WorkerError, void>
}

type Loaded<P extends Part> = { readonly id: ProgramId; readonly part: P }

const load =
  <P extends Part>(pool: Pool) =>
  (part: P): TE.TaskEither<WorkerError, Loaded<P>> =>
    pipe(
      pool.load(part.program),
      TE.map((id) => ({ id, part }))
    )

/** Loads the parts of a program, and allocates the slots of what passes between them. */
export const prepareInParts = (pool: Pool, program: Program): TE.TaskEither<WorkerError, InParts> => {
  const { measures, parts } = cutProgram(program)
  const measured = measures.flatMap(({ outputs }) => outputs)
  return pipe(
    TE.fromIOEither(pool.memory),
    TE.chainIOEitherK((memory) =>
      allocateSlots(
        memory,
        pool.device.floats,
        measured.map((v) => {
          const { shape, dtype } = specOf(program, v)
          return { shape, dtype }
        })
      )
    ),
    TE.map((slots) => new Map(measured.map((v, i) => [v, slots[i]]))),
    TE.bindTo('between'),
    TE.bind('first', () => TE.traverseSeqArray(load(pool))(measures)),
    TE.bind('then', () => TE.traverseSeqArray(load<(typeof parts)[number]>(pool))(parts)),
    TE.map(({ between, first, then }): InParts => {
      const slotOf = (v: number, inputs: ReadonlyArray<Slot>): Slot => {
        const slot = v < inputs.length ? inputs[v] : between.get(v)
        if (slot === undefined) throw new Error(`value ${v} passes between parts and has no slot`)
        return slot
      }
      return {
        run: (inputs, outputs) =>
          pipe(
            pool.run(
              first.map(({ id, part }) => ({
                program: id,
                inputs: part.inputs.map((v) => slotOf(v, inputs)),
                outputs: part.outputs.map((v) => slotOf(v, inputs))
              }))
            ),
            TE.chain(() =>
              pool.run(
                then.map(({ id, part }) => ({
                  program: id,
                  inputs: part.inputs.map((v) => slotOf(v, inputs)),
                  outputs: part.positions.map((i) => outputs[i])
                }))
              )
            )
          )
      }
    })
  )
}
