/**
 * Ranks that are processes, started by a launcher and carried by the MPI of this machine: `MPI_Allreduce` and `MPI_Bcast`.
 *
 * The calls wait for other ranks on a thread beside the main one, which goes on serving workers and signals. However a process
 * ends before it has left, all others end with it: MPI is told when it exits, and the launcher sees when it is killed.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { IO } from 'fp-ts/lib/IO.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { inOrder } from '../tensor/in-order.js'
import type { Data } from '../tensor/dtype.js'
import type { WorkerError } from './error.js'
import type { Launch } from './launch.js'
import { mpiUnavailable, openMpiLibrary, type MpiLibrary } from './mpi-library.js'
import { onExit } from './node/on-exit.js'
import type { Ranks } from './ranks.js'

/** MPICH's launcher drops what it has not yet read of what a rank wrote when that rank aborts: it is given a moment to read. */
const momentMs = 500

const abort =
  (library: MpiLibrary) =>
  (code: number): IO<void> =>
  () => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, momentMs)
    library.abort(code)()
  }

const ranksOf = (library: MpiLibrary, { rank, ranks }: { readonly rank: number; readonly ranks: number }): Ranks => {
  const gate = inOrder()
  const each = (call: (array: Data) => TE.TaskEither<WorkerError, void>) => (arrays: ReadonlyArray<Data>) =>
    gate(
      pipe(
        arrays.filter(({ length }) => length > 0),
        TE.traverseSeqArray(call),
        TE.map(() => undefined)
      )
    )
  // Nobody would come to what the others wait for; a success that came early is none.
  const callOff = onExit((code) => abort(library)(code === 0 ? 1 : code)())
  return {
    rank,
    ranks,
    sum: each(library.sum),
    broadcast: each(library.broadcast),
    abort: abort(library),
    release: gate(() => {
      callOff()
      library.leave()
      return Promise.resolve()
    })
  }
}

/** A library that is not the launcher's takes each process for the only one. */
const checkWorld = (
  { path, version }: MpiLibrary,
  launch: Launch,
  world: { readonly rank: number; readonly ranks: number }
): E.Either<WorkerError, void> =>
  (launch.ranks ?? world.ranks) === world.ranks && launch.rank === world.rank
    ? E.right(undefined)
    : E.left(
        mpiUnavailable(
          `${version} (${path}) finds itself to be rank ${world.rank} of ${world.ranks}, where the launcher has started ` +
            `${launch.rank} of ${launch.ranks ?? 'several'}: it is not the launcher's. Name that in PURE_ELECTRA_MPI`
        )
      )

/**
 * Joins the ranks that a launcher has started, when all of them do. Once in a process, from its main thread.
 *
 * Fails with `MpiUnavailable`, or with `MpiFailed`.
 */
export const acquireRanks = (launch: Launch): TE.TaskEither<WorkerError, Ranks> =>
  pipe(
    openMpiLibrary(launch.kind),
    TE.chainEitherK((library) =>
      pipe(
        library.enter(),
        E.chainFirst((world) => checkWorld(library, launch, world)),
        E.map((world) => ranksOf(library, world))
      )
    )
  )

/** What MPI this machine has, as it tells it: `Open MPI v4.1.4 (libmpi.so.40)`. */
export const describeMpi = (kind: Launch['kind']): TE.TaskEither<WorkerError, string> =>
  pipe(
    openMpiLibrary(kind),
    TE.map(({ version, path }) => `${version} (${path})`)
  )
