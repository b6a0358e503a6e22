/**
 * One program run once per shard, and the sum of its outputs over the shards in the fixed tree: a map and a reduction.
 *
 * Shards go to whichever worker is free. The sum is cut into as many programs as there are shards, of about equal bytes,
 * so that it runs in parallel too; the cut depends on the program and the number of shards, not on the pool. The sum over
 * one shard is what that shard gave.
 */

import type * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { IO } from 'fp-ts/lib/IO.js'
import * as IOE from 'fp-ts/lib/IOEither.js'
import * as RA from 'fp-ts/lib/ReadonlyArray.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { bytesPerElement, type Data } from '../tensor/dtype.js'
import { peek } from '../tensor/literal.js'
import type { Lowered } from '../tensor/program/lower.js'
import { outputSpecs, type Spec } from '../tensor/program/program.js'
import { sizeOf } from '../tensor/shape.js'
import { agree, rejected } from './agreement.js'
import type { WorkerError } from './error.js'
import { allocateSlots, freeSlots, readSlots, view, writeSlots, type Slot } from './memory.js'
import type { Pool } from './pool.js'
import { treeSumProgram } from './tree-sum.js'

export type ShardedSum = {
  /** Where the sums stand after `run`, in the order of the program's outputs. */
  readonly sums: ReadonlyArray<Slot>
  /** Copies in each shard's own inputs, `inputs[shard][i]`. Fails with `WrongInputs`, before anything has run. */
  readonly write: (inputs: ReadonlyArray<ReadonlyArray<Data>>) => IOE.IOEither<WorkerError, void>
  /** Runs every shard on the shared inputs and its own, then sums. */
  readonly run: (shared: ReadonlyArray<Slot>) => TE.TaskEither<WorkerError, void>
  /** Copies of the sums. */
  readonly read: IO<ReadonlyArray<Data>>
  /** The sums in place, good until the next run or `free`. */
  readonly inPlace: IO<ReadonlyArray<Data>>
  /** Gives the memory of all of it back to the pool, which keeps it otherwise: for a sum that is not run again. */
  readonly free: IO<void>
}

const pick = <A>(positions: ReadonlyArray<number>, from: ReadonlyArray<A>): ReadonlyArray<A> =>
  positions.map((i) => from[i])

/** What a program's sum is cut into: runs of neighbouring leaves, at most `parts` of them, of about equal bytes. */
const cut = (specs: ReadonlyArray<Spec>, parts: number): ReadonlyArray<ReadonlyArray<number>> => {
  const bytes = specs.map(({ shape, dtype }) => sizeOf(shape) * bytesPerElement(dtype))
  const total = bytes.reduce((a, b) => a + b, 0)
  const groups = Array.from({ length: parts }, (): Array<number> => [])
  bytes.reduce((before, size, leaf) => {
    groups[Math.min(parts - 1, total === 0 ? 0 : Math.floor((parts * before) / total))].push(leaf)
    return before + size
  }, 0)
  return groups.filter((group) => group.length > 0)
}

const check = (
  name: string,
  { program, captured }: Lowered,
  shared: ReadonlyArray<Spec>,
  shards: number
): E.Either<WorkerError, void> => {
  if (!Number.isSafeInteger(shards) || shards < 1) return rejected(name, `${shards} shards`, 'a positive integer')
  if (program.inputs.length < shared.length + captured.length)
    return rejected(name, `${program.inputs.length} inputs`, `at least ${shared.length + captured.length}`)
  const bool = outputSpecs(program).findIndex(({ dtype }) => dtype === 'bool')
  if (bool >= 0) return rejected(name, `bool as output ${bool}`, 'numbers, which have a sum')
  return agree(name, 'shared inputs', program.inputs.slice(0, shared.length), shared)
}

/**
 * Loads `source` and its sum, and allocates their memory. `name` is what errors call the program.
 *
 * Inputs of the program: first the `shared` specs, one array for all shards; then each shard's own; last the captured
 * literals. Fails with `ProgramRejected` where the inputs do not begin so, an output is bool, or there is no shard.
 */
export const prepareShardedSum = (
  pool: Pool,
  name: string,
  source: Lowered,
  shared: ReadonlyArray<Spec>,
  shards: number
): TE.TaskEither<WorkerError, ShardedSum> => {
  const { program, captured } = source
  const own = program.inputs.slice(shared.length, program.inputs.length - captured.length)
  const outputs = outputSpecs(program)
  const { floats } = pool.device
  return pipe(
    TE.fromEither(check(name, source, shared, shards)),
    TE.bind('memory', () => TE.fromIOEither(pool.memory)),
    TE.bind('slots', ({ memory }) =>
      TE.fromIOEither(
        allocateSlots(memory, floats, {
          captured: captured.map(({ shape, dtype }) => ({ shape, dtype })),
          inputs: RA.replicate(shards, own),
          outputs: RA.replicate(shards, outputs),
          sums: shards === 1 ? [] : outputs
        })
      )
    ),
    TE.chainFirst(({ memory, slots }) =>
      TE.fromIOEither(writeSlots(memory, floats)(name, slots.captured, captured.map(peek)))
    ),
    TE.bind('map', () => pool.load(program)),
    TE.bind('reductions', () =>
      pipe(
        shards === 1 ? [] : cut(outputs, shards),
        TE.traverseArray((leaves) =>
          pipe(
            pool.load(treeSumProgram(pick(leaves, outputs), shards)),
            TE.map((sum) => ({ sum, leaves }))
          )
        )
      )
    ),
    TE.map(({ memory, slots, map, reductions }) => {
      const sums = shards === 1 ? slots.outputs[0] : slots.sums
      const write = writeSlots(memory, floats)
      return {
        sums,
        write: (inputs) =>
          inputs.length === shards
            ? pipe(
                inputs,
                IOE.traverseSeqArrayWithIndex((shard, data) =>
                  write(`${name}, shard ${shard}`, slots.inputs[shard], data)
                ),
                IOE.map(() => undefined)
              )
            : IOE.left({
                _tag: 'WrongInputs',
                where: name,
                found: `${inputs.length} shards`,
                expected: String(shards)
              }),
        run: (sharedSlots) =>
          pipe(
            pool.run(
              slots.inputs.map((inputs, shard) => ({
                program: map,
                inputs: [...sharedSlots, ...inputs, ...slots.captured],
                outputs: slots.outputs[shard]
              }))
            ),
            TE.chain(() =>
              pool.run(
                reductions.map(({ sum, leaves }) => ({
                  program: sum,
                  inputs: slots.outputs.flatMap((shard) => pick(leaves, shard)),
                  outputs: pick(leaves, sums)
                }))
              )
            )
          ),
        read: readSlots(memory, floats)(sums),
        inPlace: () => sums.map(view(memory, floats)),
        free: freeSlots(
          memory,
          floats
        )([...slots.captured, ...slots.inputs.flat(), ...slots.outputs.flat(), ...slots.sums])
      }
    })
  )
}
