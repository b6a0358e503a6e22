/**
 * A program run once on a pool, into arrays that are there.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { peek } from '../../tensor/literal.js'
import type { Lowered } from '../../tensor/program/lower.js'
import type { WorkerError } from '../error.js'
import { allocateSlots, freeSlots, writeSlots, type Slot } from '../pool/memory.js'
import type { Pool } from '../pool/pool.js'
import type { Arrays } from './fold.js'

/**
 * Runs a program into `outputs`, with slots of its own only for what it reads, and only for the time. Fails with `StateTorn` where
 * some of them may be written.
 */
export const runInto = (
  pool: Pool,
  name: string,
  { program, captured }: Lowered,
  inputs: Arrays,
  outputs: ReadonlyArray<Slot>
): TE.TaskEither<WorkerError, void> => {
  const { floats } = pool.device
  return pipe(
    TE.fromIOEither(pool.memory),
    TE.bindTo('memory'),
    TE.bind('id', () => pool.load(program)),
    TE.bind('slots', ({ memory }) => TE.fromIOEither(allocateSlots(memory, floats, program.inputs))),
    TE.chain(({ memory, id, slots }) =>
      pipe(
        TE.fromIOEither(writeSlots(memory, floats)(name, slots, [...inputs, ...captured.map(peek)])),
        TE.chain(() =>
          pipe(
            pool.run([{ program: id, inputs: slots, outputs }]),
            TE.mapLeft((cause): WorkerError => ({ _tag: 'StateTorn', cause }))
          )
        ),
        T.chainFirstIOK(() => freeSlots(memory, floats)(slots))
      )
    )
  )
}
