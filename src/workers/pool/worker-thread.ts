/**
 * A worker thread: it answers calls until the thread is lost.
 */

import { wrap } from 'comlink'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { IOEither } from 'fp-ts/lib/IOEither.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Program } from '../../tensor/program/program.js'
import { serialise } from '../../tensor/program/serialise.js'
import type { DeviceChoice } from '../../tensor/run/device-choice.js'
import type { Memory } from '../../tensor/run/memory/memory.js'
import { reasonOf } from '../../tensor/reason.js'
import { after } from './deadline.js'
import type { WorkerError } from '../error.js'
import type { Workspace } from './workspace.js'
import { spawn } from './node/spawn.js'
import type { Ended, Thread } from './platform.js'
import type { Ran, ThreadApi } from './protocol.js'
import type { DeviceFacts, LoadedProgram, ProgramId, ProgramTask } from './runner.js'

/** After a call that failed with a `Loss` there is nothing to do with it but `end` it. */
export type WorkerThread = {
  /** Acquires its device: the first call, once. Fails where that is another than the pool's. */
  readonly open: TE.TaskEither<WorkerError, void>
  /** Compiles a program, or takes it as another thread compiled it. */
  readonly load: (id: ProgramId, program: Program, known?: LoadedProgram) => TE.TaskEither<WorkerError, LoadedProgram>
  /** Runs tasks as `ThreadApi` says. */
  readonly run: (
    tasks: ReadonlyArray<ProgramTask>,
    workspace: Workspace,
    progress: number
  ) => TE.TaskEither<WorkerError, Ran>
  /** Ends it, at work or not, and waits until its thread has ended. Fails with `WorkerStuck` alone. */
  readonly end: TE.TaskEither<WorkerError, void>
}

/** How long a thread may take, in seconds. */
export type Deadlines = {
  /** For one job. A thread that takes longer hangs. */
  readonly taskSeconds: number
  /** For acquiring a device, and for compiling one program. */
  readonly loadSeconds: number
  /** For ending. A thread that takes longer is stuck in native code. */
  readonly endSeconds: number
}

export type WorkerThreadOptions = {
  /** The module that the thread starts at, when it is not the built `thread.js`. */
  readonly entry: URL | undefined
  readonly choice: DeviceChoice
  /** What that choice must come to. */
  readonly device: DeviceFacts
  readonly memory: Memory
  readonly deadlines: Deadlines
}

const ending =
  (worker: number) =>
  (ended: Ended): WorkerError => {
    switch (ended._tag) {
      case 'Exited':
        return { _tag: 'WorkerExited', worker, code: ended.code }
      case 'Threw':
        return { _tag: 'WorkerFailed', worker, reason: ended.reason }
    }
  }

/** One call over the wire. A dead thread never answers, so the call ends with the thread, or at its deadline, if not before. */
const call =
  <A>(
    worker: number,
    thread: Thread,
    seconds: number,
    ask: () => Promise<E.Either<WorkerError, A>>
  ): TE.TaskEither<WorkerError, A> =>
  async () => {
    const callOff: Array<() => void> = []
    const answer = await new Promise<E.Either<WorkerError, A>>((settle) => {
      callOff.push(
        thread.onEnd((ended) => settle(E.left(ending(worker)(ended)))),
        after(seconds, () => settle(E.left({ _tag: 'WorkerOverdue', worker, seconds })))
      )
      void ask()
        .catch((thrown: unknown) => E.left<WorkerError>({ _tag: 'WorkerFailed', worker, reason: reasonOf(thrown) }))
        .then(settle)
    })
    callOff.forEach((off) => off())
    return answer
  }

const nameOf = ({ name, multiplier, floats }: DeviceFacts): string => `${name} with ${multiplier} in ${floats}`

/** Another device than the pool's would compute other bits. */
const agreeing =
  (worker: number, expected: DeviceFacts) =>
  (found: DeviceFacts): E.Either<WorkerError, void> =>
    nameOf(found) === nameOf(expected)
      ? E.right(undefined)
      : E.left({
          _tag: 'DeviceUnavailable',
          wanted: nameOf(expected),
          reason: `worker ${worker} did not find it`,
          available: [nameOf(found)]
        })

/** Starts a thread for worker number `worker`, which is still to be opened. Fails with `WorkerFailed`. */
export const startWorkerThread =
  ({ entry, choice, device, memory, deadlines: { taskSeconds, loadSeconds, endSeconds } }: WorkerThreadOptions) =>
  (worker: number): IOEither<WorkerError, WorkerThread> =>
  () =>
    pipe(
      E.tryCatch(
        () => spawn(entry),
        (thrown): WorkerError => ({ _tag: 'WorkerFailed', worker, reason: reasonOf(thrown) })
      ),
      E.map((thread): WorkerThread => {
        const remote = wrap<ThreadApi>(thread.endpoint)
        return {
          open: pipe(
            call(worker, thread, loadSeconds, () => remote.open(choice, memory.wasm, memory.limit)),
            TE.chainEitherK(agreeing(worker, device))
          ),
          load: (id, program, known) => {
            const compilation = known?.compilation
            return known === undefined || compilation === undefined
              ? call(worker, thread, loadSeconds, () => remote.load(id, serialise(program)))
              : pipe(
                  call(worker, thread, loadSeconds, () => remote.adopt(id, program, compilation)),
                  TE.map(() => known)
                )
          },
          run: (tasks, workspace, progress) =>
            call(worker, thread, taskSeconds, () => remote.run(tasks, workspace, progress)),
          end: pipe(
            TE.fromTask<boolean, WorkerError>(thread.end(endSeconds)),
            TE.filterOrElse(
              (hasEnded) => hasEnded,
              (): WorkerError => ({ _tag: 'WorkerStuck', worker, seconds: endSeconds })
            ),
            TE.map(() => undefined)
          )
        }
      })
    )
