/**
 * One program carried out by all workers of a pool: divided into parts that run side by side.
 *
 * Outputs may take the places of inputs, as those of an update do. A piece is then computed aside, where its worker has room for
 * one, and copied into place once all of it is there. So a worker that is lost at any moment leaves nothing that cannot be done
 * again: what a piece reads is whole until it has been computed, and what is copied is whole until it has been copied.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { bytesPerElement, type FloatWidth } from '../../tensor/dtype.js'
import type { PartitionLimits } from '../../tensor/program/partition/limits.js'
import {
  partitionProgram,
  type OutputPiece,
  type Partition,
  type Piece
} from '../../tensor/program/partition/partition.js'
import { specOf, type Program, type Spec } from '../../tensor/program/program.js'
import { serialise } from '../../tensor/program/serialise.js'
import { sizeOf } from '../../tensor/shape.js'
import type { WorkerError } from '../error.js'
import { layOut, type Place } from '../pool/layout.js'
import { allocateSlots, type Slot } from '../pool/memory.js'
import type { Job, Pool } from '../pool/pool.js'
import type { ProgramId, ProgramTask } from '../pool/runner.js'

export type PartitionedUpdate = {
  /** Bytes of what passes between parts, and of what is computed aside. */
  readonly bytes: number
  /**
   * Runs it: inputs in the order of the program, and outputs beyond those that take the places of inputs. Fails with `StateTorn`
   * where some of those may have been replaced and others not.
   */
  readonly run: (inputs: ReadonlyArray<Slot>, outputs: ReadonlyArray<Slot>) => TE.TaskEither<WorkerError, void>
}

/** A piece that is loaded: without its text, which nobody needs again. */
type Loaded<P extends Piece = Piece> = Omit<P, 'program'> & { readonly id: ProgramId }

/** How what a piece has computed aside is copied into place. */
type Copying = {
  readonly copy: ProgramId
  /** Which outputs of the piece take the places of inputs, and where they lie aside. */
  readonly replaced: ReadonlyArray<{ readonly output: number; readonly aside: Place }>
}

type LoadedOutput = Loaded<OutputPiece> & { readonly copying: Copying | undefined }

type LoadedPartition = {
  readonly measures: ReadonlyArray<Loaded>
  /** One, or none where there are no factors. */
  readonly factors: ReadonlyArray<Loaded>
  readonly parts: ReadonlyArray<ReadonlyArray<LoadedOutput>>
}

// ------------------------------------------------------------- loading

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

type Load = (program: Program) => TE.TaskEither<WorkerError, ProgramId>

/** Loads each program once, however often it comes. */
const loadingOnce = (pool: Pool): Load => {
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

const loadPiece =
  (load: Load) =>
  <P extends Piece>({ program, ...piece }: P): TE.TaskEither<WorkerError, Loaded<P>> =>
    pipe(
      load(anonymous(program)),
      TE.map((id) => ({ ...piece, id }))
    )

/** Loads the copy of those outputs of a piece that take the places of inputs, where there are such. */
const loadCopying =
  (load: Load, floats: FloatWidth, inPlace: number) =>
  ({ program, positions }: OutputPiece): TE.TaskEither<WorkerError, Copying | undefined> => {
    const outputs = positions.flatMap((position, output) => (position < inPlace ? [output] : []))
    if (outputs.length === 0) return TE.right(undefined)
    const specs = outputs.map((output) => specOf(program, program.outputs[output].value))
    const { places } = layOut(floats, specs)
    return pipe(
      load(copyProgram(specs)),
      TE.map((copy) => ({ copy, replaced: outputs.map((output, i) => ({ output, aside: places[i] })) }))
    )
  }

const loadOutput =
  (load: Load, floats: FloatWidth, inPlace: number) =>
  (piece: OutputPiece): TE.TaskEither<WorkerError, LoadedOutput> =>
    pipe(
      loadPiece(load)(piece),
      TE.chain((loaded) =>
        pipe(
          loadCopying(load, floats, inPlace)(piece),
          TE.map((copying) => ({ ...loaded, copying }))
        )
      )
    )

const loadPartition = (
  pool: Pool,
  { measures, factors, parts }: Partition,
  inPlace: number
): TE.TaskEither<WorkerError, LoadedPartition> => {
  const load = loadingOnce(pool)
  const output = loadOutput(load, pool.device.floats, inPlace)
  return pipe(
    TE.traverseSeqArray(loadPiece(load))(measures),
    TE.bindTo('measures'),
    TE.bind('factors', () => TE.traverseSeqArray(loadPiece(load))(factors.outputs.length === 0 ? [] : [factors])),
    TE.bind('parts', () => TE.traverseSeqArray(TE.traverseSeqArray(output))(parts))
  )
}

/** The most bytes that a piece computes aside. */
const asideBytes = ({ parts }: LoadedPartition, floats: FloatWidth): number =>
  parts
    .flat()
    .flatMap(({ copying }) => copying?.replaced ?? [])
    .reduce(
      (most, { aside: { offset, size, dtype } }) => Math.max(most, offset + size * bytesPerElement(dtype, floats)),
      0
    )

// ------------------------------------------------------------- running

/** The part of a slot that a block says; small arrays are whole in every block. */
const blockOf =
  ({ block }: Pick<OutputPiece, 'block'>, floats: FloatWidth) =>
  (slot: Slot): Slot =>
    block === undefined || slot.size === 1
      ? slot
      : { ...slot, offset: slot.offset + block.start * bytesPerElement(slot.dtype, floats), size: block.size }

type SlotOf = (value: number) => Slot

/** Computes what passes between parts. */
const taskOf =
  (read: SlotOf, written: SlotOf) =>
  ({ id, inputs, outputs }: Loaded): ProgramTask => ({
    program: id,
    inputs: inputs.map(read),
    outputs: outputs.map(written)
  })

/** Computes a piece, aside at `base` where it takes the places of inputs, and then copies it there. */
const outputTasks =
  (slotOf: SlotOf, destination: (position: number) => Slot, floats: FloatWidth) =>
  (base: number) =>
  ({ copying, ...piece }: LoadedOutput): ReadonlyArray<ProgramTask> => {
    const inBlock = blockOf(piece, floats)
    const destinations = piece.positions.map((position) => inBlock(destination(position)))
    const aside = new Map(
      (copying?.replaced ?? []).map((r) => [r.output, { ...r.aside, offset: base + r.aside.offset }])
    )
    const compute: ProgramTask = {
      program: piece.id,
      inputs: piece.inputs.map((v) => inBlock(slotOf(v))),
      outputs: destinations.map((slot, output) => aside.get(output) ?? slot)
    }
    return copying === undefined
      ? [compute]
      : [
          compute,
          {
            program: copying.copy,
            inputs: [...aside.values()],
            outputs: [...aside.keys()].map((output) => destinations[output])
          }
        ]
  }

type PreparedUpdate = {
  readonly pool: Pool
  readonly inPlace: number
  readonly snapshots: ReadonlyArray<number>
  readonly loaded: LoadedPartition
  /** Where measures, factors and snapshots stand, by value. */
  readonly between: ReadonlyMap<number, Slot>
  /** Where each worker computes aside. */
  readonly aside: ReadonlyArray<Slot>
}

const runUpdate =
  ({
    pool,
    inPlace,
    snapshots,
    loaded: { measures, factors, parts },
    between,
    aside
  }: PreparedUpdate): PartitionedUpdate['run'] =>
  (inputs, outputs) => {
    const made: SlotOf = (v) => {
      const slot = between.get(v)
      if (slot === undefined) throw new Error(`value ${v} passes between parts and has no slot`)
      return slot
    }
    const given: SlotOf = (v) => (v < inputs.length ? inputs[v] : made(v))
    const isSnapshot = new Set(snapshots)
    const kept: SlotOf = (v) => (isSnapshot.has(v) ? made(v) : given(v))
    const tasksAt = outputTasks(
      kept,
      (position) => (position < inPlace ? inputs[position] : outputs[position - inPlace]),
      pool.device.floats
    )
    const jobs = parts.map(
      (pieces): Job =>
        (worker) =>
          pieces.flatMap(tasksAt(aside[worker].offset))
    )
    return pipe(
      pool.run(measures.map(taskOf(given, made))),
      TE.chain(() => pool.run(factors.map(taskOf(given, made)))),
      TE.chain(() =>
        pipe(
          pool.run(jobs),
          TE.mapLeft((cause): WorkerError => (inPlace === 0 ? cause : { _tag: 'StateTorn', cause }))
        )
      )
    )
  }

/**
 * Loads the parts of a program, and allocates the slots of what passes between them and of what is computed aside. Its first
 * `inPlace` outputs take the places of its first `inPlace` inputs, which are of the same kinds.
 */
export const preparePartitionedUpdate = (
  pool: Pool,
  program: Program,
  inPlace = 0,
  limits?: PartitionLimits
): TE.TaskEither<WorkerError, PartitionedUpdate> => {
  const { floats } = pool.device
  const partition = partitionProgram(program, inPlace, limits)
  const passed = [...partition.measures, partition.factors].flatMap(({ outputs }) => outputs)
  return pipe(
    TE.fromIOEither(pool.memory),
    TE.bindTo('memory'),
    TE.bind('loaded', () => loadPartition(pool, partition, inPlace)),
    TE.let('scratch', ({ loaded }) => ({
      between: passed.map((v): Spec => {
        const { shape, dtype } = specOf(program, v)
        return { shape, dtype }
      }),
      aside: Array.from({ length: pool.workers }, (): Spec => ({ shape: [asideBytes(loaded, floats)], dtype: 'bool' }))
    })),
    TE.bind('slots', ({ memory, scratch }) => TE.fromIOEither(allocateSlots(memory, floats, scratch))),
    TE.map(({ loaded, scratch, slots }) => ({
      bytes: layOut(floats, scratch).bytes,
      run: runUpdate({
        pool,
        inPlace,
        snapshots: partition.snapshots,
        loaded,
        between: new Map(passed.map((v, i) => [v, slots.between[i]])),
        aside: slots.aside
      })
    }))
  )
}
