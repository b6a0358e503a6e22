/**
 * One program carried out by all workers of a pool: cut into parts that run side by side.
 *
 * Outputs may take the places of inputs, as those of an update do. A part is then computed aside, where its worker has room for
 * one, and copied into place once all of it is there. So a worker that is lost at any moment leaves nothing that cannot be done
 * again: what the part reads is whole until it has been computed, and what is copied is whole until it has been copied.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { bytesPerElement, type FloatWidth } from '../tensor/dtype.js'
import { specOf, type Program, type Spec } from '../tensor/program/program.js'
import { sizeOf } from '../tensor/shape.js'
import { cutProgram, type Part } from './cut.js'
import type { WorkerError } from './error.js'
import { layOut, type Place } from './layout.js'
import { allocateSlots, type Slot } from './memory.js'
import type { Job, Pool } from './pool.js'
import type { ProgramId } from './runner.js'

export type InParts = {
  /**
   * Runs it: inputs in the order of the program, and outputs beyond those that take the places of inputs. Fails with `StateTorn`
   * where some of those may have been replaced and others not.
   */
  readonly run: (inputs: ReadonlyArray<Slot>, outputs: ReadonlyArray<Slot>) => TE.TaskEither<WorkerError, void>
}

/** The same program with numbers for names, so that parts which compute alike are one program. */
const anonymous = ({ inputs, instructions, outputs }: Program): Program => ({
  inputs: inputs.map((input, i) => ({ ...input, name: String(i) })),
  instructions,
  outputs: outputs.map(({ value }, i) => ({ name: String(i), value }))
})

/** Copies its inputs. */
const copyProgram = (specs: ReadonlyArray<Spec>): Program => ({
  inputs: specs.map(({ shape, dtype }, i) => ({ name: String(i), shape: [sizeOf(shape)], dtype })),
  instructions: [],
  outputs: specs.map((_, i) => ({ name: String(i), value: i }))
})

/** Loads each program once, however often it comes. */
const loading = (pool: Pool): ((program: Program) => TE.TaskEither<WorkerError, ProgramId>) => {
  const known = new Map<string, ProgramId>()
  return (program) => {
    const text = JSON.stringify(program)
    const id = known.get(text)
    return id !== undefined
      ? TE.right(id)
      : pipe(
          pool.load(program),
          TE.map((loaded) => {
            known.set(text, loaded)
            return loaded
          })
        )
  }
}

/** The part of a slot that a block says; small arrays are whole in every block. */
const blockOf =
  ({ block }: Part, floats: FloatWidth) =>
  (slot: Slot): Slot =>
    block === undefined || slot.size === 1
      ? slot
      : { ...slot, offset: slot.offset + block.start * bytesPerElement(slot.dtype, floats), size: block.size }

type Copying = {
  readonly copy: ProgramId
  /** Which outputs of the part take the places of inputs, and where they lie aside. */
  readonly replaced: ReadonlyArray<{ readonly output: number; readonly aside: Place }>
}

type Loaded<P extends Part> = { readonly id: ProgramId; readonly part: P; readonly copying: Copying | undefined }

/**
 * Loads the parts of a program, and allocates the slots of what passes between them and of what is computed aside. Its first
 * `inPlace` outputs take the places of its first `inPlace` inputs, which are of the same kinds.
 */
export const prepareInParts = (pool: Pool, program: Program, inPlace = 0): TE.TaskEither<WorkerError, InParts> => {
  const { floats } = pool.device
  const { measures, parts } = cutProgram(program)
  const measured = measures.flatMap(({ outputs }) => outputs)
  const specsOf = (values: ReadonlyArray<number>): ReadonlyArray<Spec> =>
    values.map((v) => {
      const { shape, dtype } = specOf(program, v)
      return { shape, dtype }
    })
  const load = loading(pool)

  const loadMeasure = (part: Part): TE.TaskEither<WorkerError, Loaded<Part>> =>
    pipe(
      load(anonymous(part.program)),
      TE.map((id) => ({ id, part, copying: undefined }))
    )
  const loadPart = (part: (typeof parts)[number]): TE.TaskEither<WorkerError, Loaded<typeof part>> => {
    const outputs = part.positions.flatMap((position, output) => (position < inPlace ? [output] : []))
    const specs = outputs.map((output) => specOf(part.program, part.program.outputs[output].value))
    const { places } = layOut(floats, specs)
    return pipe(
      load(anonymous(part.program)),
      TE.bindTo('id'),
      TE.bind('copying', () =>
        outputs.length === 0
          ? TE.right(undefined)
          : pipe(
              load(copyProgram(specs)),
              TE.map((copy) => ({ copy, replaced: outputs.map((output, i) => ({ output, aside: places[i] })) }))
            )
      ),
      TE.map(({ id, copying }) => ({ id, part, copying }))
    )
  }
  const asideBytes = (loaded: ReadonlyArray<Loaded<Part>>): number =>
    Math.max(
      0,
      ...loaded.flatMap(({ copying }) =>
        (copying?.replaced ?? []).map(
          ({ aside: { offset, size, dtype } }) => offset + size * bytesPerElement(dtype, floats)
        )
      )
    )

  return pipe(
    TE.fromIOEither(pool.memory),
    TE.bindTo('memory'),
    TE.bind('first', () => TE.traverseSeqArray(loadMeasure)(measures)),
    TE.bind('then', () => TE.traverseSeqArray(loadPart)(parts)),
    TE.bind('slots', ({ memory, then }) =>
      TE.fromIOEither(
        allocateSlots(memory, floats, {
          between: specsOf(measured),
          aside: Array.from({ length: pool.workers }, (): Spec => ({ shape: [asideBytes(then)], dtype: 'bool' }))
        })
      )
    ),
    TE.map(({ slots, first, then }): InParts => {
      const between = new Map(measured.map((v, i) => [v, slots.between[i]]))
      const slotOf = (v: number, inputs: ReadonlyArray<Slot>): Slot => {
        const slot = v < inputs.length ? inputs[v] : between.get(v)
        if (slot === undefined) throw new Error(`value ${v} passes between parts and has no slot`)
        return slot
      }
      return {
        run: (inputs, outputs) => {
          const measure = ({ id, part }: Loaded<Part>): Job => ({
            program: id,
            inputs: part.inputs.map((v) => slotOf(v, inputs)),
            outputs: part.outputs.map((v) => slotOf(v, inputs))
          })
          const update =
            ({ id, part, copying }: (typeof then)[number]): Job =>
            (worker) => {
              const inBlock = blockOf(part, floats)
              const destinations = part.positions.map((i) => inBlock(i < inPlace ? inputs[i] : outputs[i - inPlace]))
              const base = slots.aside[worker].offset
              const asides = (copying?.replaced ?? []).map(({ output, aside }) => ({
                output,
                slot: { ...aside, offset: base + aside.offset }
              }))
              const written = destinations.map(
                (slot, output) => asides.find((aside) => aside.output === output)?.slot ?? slot
              )
              const compute = {
                program: id,
                inputs: part.inputs.map((v) => inBlock(slotOf(v, inputs))),
                outputs: written
              }
              return copying === undefined
                ? [compute]
                : [
                    compute,
                    {
                      program: copying.copy,
                      inputs: asides.map(({ slot }) => slot),
                      outputs: asides.map(({ output }) => destinations[output])
                    }
                  ]
            }
          return pipe(
            pool.run(first.map(measure)),
            TE.chain(() =>
              pipe(
                pool.run(then.map(update)),
                TE.mapLeft((cause): WorkerError => (inPlace === 0 ? cause : { _tag: 'StateTorn', cause }))
              )
            )
          )
        }
      }
    })
  )
}
