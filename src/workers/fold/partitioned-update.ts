/**
 * One program carried out by all workers of a pool: cut into parts that run side by side.
 *
 * Outputs may take the places of inputs, as those of an update do. A piece is then computed aside, where its worker has room for
 * one, and copied into place once all of it is there. So a worker that is lost at any moment leaves nothing that cannot be done
 * again: what a piece reads is whole until it has been computed, and what is copied is whole until it has been copied.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { bytesPerElement, type FloatWidth } from '../../tensor/dtype.js'
import { specOf, type Program, type Spec } from '../../tensor/program/program.js'
import { serialise } from '../../tensor/program/serialise.js'
import { sizeOf } from '../../tensor/shape.js'
import { partitionProgram, type OutputPiece, type Piece } from '../../tensor/program/partition/partition.js'
import type { WorkerError } from '../error.js'
import { layOut, type Place } from '../pool/layout.js'
import { allocateSlots, type Slot } from '../pool/memory.js'
import type { Job, Pool } from '../pool/pool.js'
import type { ProgramId, Task } from '../pool/runner.js'

export type PartitionedUpdate = {
  /** Bytes of what passes between parts, and of what is computed aside. */
  readonly bytes: number
  /**
   * Runs it: inputs in the order of the program, and outputs beyond those that take the places of inputs. Fails with `StateTorn`
   * where some of those may have been replaced and others not.
   */
  readonly run: (inputs: ReadonlyArray<Slot>, outputs: ReadonlyArray<Slot>) => TE.TaskEither<WorkerError, void>
}

/** The same program with numbers for names, so that pieces which compute alike are one program. */
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
    const text = serialise(program)
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
  ({ block }: Pick<OutputPiece, 'block'>, floats: FloatWidth) =>
  (slot: Slot): Slot =>
    block === undefined || slot.size === 1
      ? slot
      : { ...slot, offset: slot.offset + block.start * bytesPerElement(slot.dtype, floats), size: block.size }

type Copying = {
  readonly copy: ProgramId
  /** Which outputs of the piece take the places of inputs, and where they lie aside. */
  readonly replaced: ReadonlyArray<{ readonly output: number; readonly aside: Place }>
}

/** A piece that is loaded: without its text, which nobody needs again. */
type Loaded<P extends Piece = Piece> = Omit<P, 'program'> & { readonly id: ProgramId }

type LoadedOutput = Loaded<OutputPiece> & { readonly copying: Copying | undefined }

/**
 * Loads the parts of a program, and allocates the slots of what passes between them and of what is computed aside. Its first
 * `inPlace` outputs take the places of its first `inPlace` inputs, which are of the same kinds.
 */
export const preparePartitionedUpdate = (
  pool: Pool,
  program: Program,
  inPlace = 0
): TE.TaskEither<WorkerError, PartitionedUpdate> => {
  const { floats } = pool.device
  const { measures, factors, parts } = partitionProgram(program)
  const passed = [...measures, factors].flatMap(({ outputs }) => outputs)
  const specsOf = (values: ReadonlyArray<number>): ReadonlyArray<Spec> =>
    values.map((v) => {
      const { shape, dtype } = specOf(program, v)
      return { shape, dtype }
    })
  const load = loading(pool)

  const loadPiece = <P extends Piece>({ program: text, ...piece }: P): TE.TaskEither<WorkerError, Loaded<P>> =>
    pipe(
      load(anonymous(text)),
      TE.map((id) => ({ ...piece, id }))
    )
  const loadCopy = ({ program: text, positions }: OutputPiece): TE.TaskEither<WorkerError, Copying | undefined> => {
    const outputs = positions.flatMap((position, output) => (position < inPlace ? [output] : []))
    if (outputs.length === 0) return TE.right(undefined)
    const specs = outputs.map((output) => specOf(text, text.outputs[output].value))
    const { places } = layOut(floats, specs)
    return pipe(
      load(copyProgram(specs)),
      TE.map((copy) => ({ copy, replaced: outputs.map((output, i) => ({ output, aside: places[i] })) }))
    )
  }
  const loadOutput = (piece: OutputPiece): TE.TaskEither<WorkerError, LoadedOutput> =>
    pipe(
      loadPiece(piece),
      TE.chain((loaded) =>
        pipe(
          loadCopy(piece),
          TE.map((copying) => ({ ...loaded, copying }))
        )
      )
    )
  const endOf = ({ offset, size, dtype }: Place): number => offset + size * bytesPerElement(dtype, floats)
  const asideBytes = (loaded: ReadonlyArray<LoadedOutput>): number =>
    loaded
      .flatMap(({ copying }) => copying?.replaced ?? [])
      .reduce((most, { aside }) => Math.max(most, endOf(aside)), 0)

  return pipe(
    TE.fromIOEither(pool.memory),
    TE.bindTo('memory'),
    TE.bind('measuring', () => TE.traverseSeqArray(loadPiece)(measures)),
    TE.bind('factoring', () => TE.traverseSeqArray(loadPiece)(factors.outputs.length === 0 ? [] : [factors])),
    TE.bind('then', () => TE.traverseSeqArray(TE.traverseSeqArray(loadOutput))(parts)),
    TE.let('held', ({ then }) => ({
      between: specsOf(passed),
      aside: Array.from({ length: pool.workers }, (): Spec => ({ shape: [asideBytes(then.flat())], dtype: 'bool' }))
    })),
    TE.bind('slots', ({ memory, held }) => TE.fromIOEither(allocateSlots(memory, floats, held))),
    TE.map(({ held, slots, measuring, factoring, then }): PartitionedUpdate => {
      const between = new Map(passed.map((v, i) => [v, slots.between[i]]))
      const slotOf = (v: number, inputs: ReadonlyArray<Slot>): Slot => {
        const slot = v < inputs.length ? inputs[v] : between.get(v)
        if (slot === undefined) throw new Error(`value ${v} passes between parts and has no slot`)
        return slot
      }
      return {
        bytes: layOut(floats, held).bytes,
        run: (inputs, outputs) => {
          const before = (piece: Loaded): Task => ({
            program: piece.id,
            inputs: piece.inputs.map((v) => slotOf(v, inputs)),
            outputs: piece.outputs.map((v) => slotOf(v, inputs))
          })
          const update =
            (base: number) =>
            ({ copying, ...piece }: LoadedOutput): ReadonlyArray<Task> => {
              const inBlock = blockOf(piece, floats)
              const destinations = piece.positions.map((i) => inBlock(i < inPlace ? inputs[i] : outputs[i - inPlace]))
              const asides = (copying?.replaced ?? []).map(({ output, aside }) => ({
                output,
                slot: { ...aside, offset: base + aside.offset }
              }))
              const compute: Task = {
                program: piece.id,
                inputs: piece.inputs.map((v) => inBlock(slotOf(v, inputs))),
                outputs: destinations.map((slot, i) => asides.find(({ output }) => output === i)?.slot ?? slot)
              }
              const intoPlace = copying && {
                program: copying.copy,
                inputs: asides.map(({ slot }) => slot),
                outputs: asides.map(({ output }) => destinations[output])
              }
              return intoPlace === undefined ? [compute] : [compute, intoPlace]
            }
          const jobs = then.map(
            (pieces): Job =>
              (worker) =>
                pieces.flatMap(update(slots.aside[worker].offset))
          )
          return pipe(
            pool.run(measuring.map(before)),
            TE.chain(() => pool.run(factoring.map(before))),
            TE.chain(() =>
              pipe(
                pool.run(jobs),
                TE.mapLeft((cause): WorkerError => (inPlace === 0 ? cause : { _tag: 'StateTorn', cause }))
              )
            )
          )
        }
      }
    })
  )
}
