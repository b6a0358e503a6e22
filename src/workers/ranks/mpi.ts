/**
 * Ranks that are processes, started by a launcher and carried by the MPI of this machine: `MPI_Iallreduce` and `MPI_Ibcast`.
 *
 * Nothing waits in MPI, where most libraries keep a processor busy: what was begun is asked after now and then, on the main
 * thread, which goes on serving workers and signals. However a process ends before it has left, all others end with it: MPI is
 * told when it exits, and the launcher sees when it is killed.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { IO } from 'fp-ts/lib/IO.js'
import type { IOEither } from 'fp-ts/lib/IOEither.js'
import * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Data } from '../../tensor/dtype.js'
import type { WorkerError } from '../error.js'
import type { Launch } from './launch.js'
import { mpiUnavailable, openMpiLibrary, type Begun, type MpiLibrary } from './mpi-library.js'
import { onExit } from '../pool/node/on-exit.js'
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

/** For so long what somebody waits for is asked after all the time: most of it is done soon. */
const eagerMs = 20

/** So long it is left alone after that, and before anybody waits. */
const pauseMs = 1

const pause = (isEager: boolean): Promise<void> =>
  new Promise((resume) => {
    if (isEager) setImmediate(resume)
    else setTimeout(resume, pauseMs)
  })

/** Goes on with what was begun until it is done: eagerly once somebody waits for it. */
const pursue = (begun: Begun): TE.TaskEither<WorkerError, void> => {
  let awaitedSince = Infinity
  const isEager = (): boolean => {
    const waited = performance.now() - awaitedSince
    return waited >= 0 && waited < eagerMs
  }
  const ended = (async (): Promise<E.Either<WorkerError, void>> => {
    for (let asked = 1; ; asked++) {
      const done = begun()
      if (E.isLeft(done)) return done
      if (done.right) return E.right(undefined)
      // It may be that it is waited for as soon as it is begun.
      await pause(asked === 1 || isEager())
    }
  })()
  return () => {
    awaitedSince = Math.min(awaitedSince, performance.now())
    return ended
  }
}

const ranksOf = (library: MpiLibrary, { rank, ranks }: { readonly rank: number; readonly ranks: number }): Ranks => {
  const underWay = new Set<TE.TaskEither<WorkerError, void>>()
  const begin =
    (call: (array: Data) => IOEither<WorkerError, Begun>) =>
    (arrays: ReadonlyArray<Data>): IO<TE.TaskEither<WorkerError, void>> =>
    () => {
      const all = arrays
        .filter(({ length }) => length > 0)
        .map((array) => pipe(call(array)(), E.match(TE.left<WorkerError, void>, pursue)))
      const ended = pipe(all, TE.sequenceArray, TE.asUnit)
      underWay.add(ended)
      return pipe(
        ended,
        T.tapIO(() => () => underWay.delete(ended))
      )
    }
  const [beginSum, beginBroadcast] = [begin(library.sum), begin(library.broadcast)]
  // Nobody would come to what the others wait for; a success that came early is none.
  const callOff = onExit((code) => abort(library)(code === 0 ? 1 : code)())
  return {
    rank,
    ranks,
    beginSum,
    sum: (arrays) => TE.flatten(TE.fromIO(beginSum(arrays))),
    broadcast: (arrays) => TE.flatten(TE.fromIO(beginBroadcast(arrays))),
    abort: abort(library),
    release: async () => {
      await Promise.all([...underWay].map((ended) => ended()))
      callOff()
      library.leave()
    }
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
