/**
 * A pool: members that run programs, and tasks that go to whichever member is free.
 *
 * Arrays stand in one memory, results in slots that only their task writes, so it does not matter who ran what. Members
 * that live in threads replace a lost one by themselves (`supervised-worker.ts`). A pool that has lost a member for good answers
 * every later call with the reason; it never goes on with fewer in silence.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { IO } from 'fp-ts/lib/IO.js'
import type { IOEither } from 'fp-ts/lib/IOEither.js'
import type { Task } from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Program } from '../../tensor/program/program.js'
import type { Memory } from '../../tensor/run/memory/memory.js'
import type { WorkerError } from '../error.js'
import { inOrder } from '../../tensor/in-order.js'
import type { DeviceFacts, LoadedProgram, ProgramId, ProgramTask } from './runner.js'

/** One worker, wherever it runs. The pool gives it one call at a time. */
export type Member = {
  /** Compiles a program, or takes it as another member `known` to have loaded it compiled it. */
  readonly load: (id: ProgramId, program: Program, known?: LoadedProgram) => TE.TaskEither<WorkerError, LoadedProgram>
  /**
   * Runs tasks one after the other, up to the first that fails. Of a single task, `finished` may hear on the way how many of its
   * groups of outputs are finished, from the first on: nobody writes to those again before it settles, nor while it listens.
   * Where the task is done again they are fewer for a while.
   */
  readonly run: (
    tasks: ReadonlyArray<ProgramTask>,
    finished?: (groups: number) => void
  ) => TE.TaskEither<WorkerError, void>
  /** Settles with the reason when the member is lost for good; never rejects. */
  readonly lost: Promise<WorkerError>
  /** Ends it, at work or not. */
  readonly release: Task<void>
}

/** What hears of jobs, each by its place in the list. */
export type Listener = {
  /** That a job has succeeded. */
  readonly done?: (job: number) => void
  /** How many groups of outputs a job that is one task has finished: see `Member.run`. */
  readonly finished?: (job: number, groups: number) => void
}

/** A task, or some that one worker, of whatever number, does one after the other. */
export type Job = ProgramTask | ((worker: number) => ReadonlyArray<ProgramTask>)

export type Pool = {
  readonly workers: number
  /** What every member's device says of itself. */
  readonly device: DeviceFacts
  /** The memory that every member works in: all slots of tasks are places in it. The same at every call. */
  readonly memory: IOEither<WorkerError, Memory>
  /** Bytes that each member works in: as many as the most that a program which was loaded so far asks for. */
  readonly workingBytes: IO<number>
  /** Compiles a program on one member, and on the others too where they cannot take what that one compiled. */
  readonly load: (program: Program) => TE.TaskEither<WorkerError, ProgramId>
  /**
   * Runs jobs that do not depend on one another. When it settles none of them is still running; after a failure the
   * tasks that had not begun are left undone. Calls that overlap are run one after the other.
   */
  readonly run: (jobs: ReadonlyArray<Job>, listener?: Listener) => TE.TaskEither<WorkerError, void>
  readonly release: Task<void>
}

/** The pool of the given members, which become its own: its release releases them. They work in `memory`. */
export const poolOf = (
  members: ReadonlyArray<Member>,
  device: DeviceFacts,
  memory: IOEither<WorkerError, Memory>
): Pool => {
  const gate = inOrder()
  let programs = 0
  let workingBytes = 0
  let unusable: WorkerError | undefined
  let releasing: Promise<unknown> | undefined

  const close = (reason: WorkerError): void => {
    unusable ??= reason
  }
  members.forEach(({ lost }) => void lost.then(close))

  const whenUsable = <A>(work: TE.TaskEither<WorkerError, A>): TE.TaskEither<WorkerError, A> =>
    gate(async () => (unusable === undefined ? work() : E.left(unusable)))

  return {
    workers: members.length,
    device,
    memory: () => (unusable === undefined ? memory() : E.left(unusable)),
    workingBytes: () => workingBytes,
    load: (program) =>
      whenUsable(async () => {
        const id = programs++
        const [first, ...others] = members
        return pipe(
          first.load(id, program),
          TE.chainFirst((known) =>
            pipe(
              others,
              TE.traverseArray((member) => member.load(id, program, known))
            )
          ),
          TE.map((known) => {
            workingBytes = Math.max(workingBytes, known.workingBytes)
            return id
          })
        )()
      }),
    run: (jobs, { done, finished }: Listener = {}) =>
      whenUsable(async () => {
        const failures: Array<WorkerError> = []
        let next = 0
        const serve = async (member: Member, worker: number): Promise<void> => {
          while (next < jobs.length && failures.length === 0) {
            const at = next++
            const job = jobs[at]
            const heard = finished && ((groups: number): void => finished(at, groups))
            const answer = await member.run(typeof job === 'function' ? job(worker) : [job], heard)()
            if (E.isLeft(answer)) failures.push(answer.left)
            else done?.(at)
          }
        }
        await Promise.all(members.map(serve))
        return failures.length === 0 ? E.right(undefined) : E.left(failures[0])
      }),
    release: async () => {
      close({ _tag: 'PoolReleased' })
      releasing ??= Promise.all(members.map((member) => member.release()))
      await releasing
    }
  }
}
