/**
 * A supervised worker: a thread that is lost is replaced, and what it had not finished is done again.
 *
 * Doing a task twice is doing it once, so nobody can see that it happened but by the clock. A new thread is started only
 * when the lost one has really ended: until then that one may write to its outputs, and to its workspace,
 * which the new one inherits.
 */

import * as E from 'fp-ts/lib/Either.js'
import { constVoid, pipe } from 'fp-ts/lib/function.js'
import type { IOEither } from 'fp-ts/lib/IOEither.js'
import type { Task } from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Program } from '../../tensor/program/program.js'
import type { Memory } from '../../tensor/run/memory/memory.js'
import { isLoss, type Loss, type WorkerError } from '../error.js'
import { noWorkspace, type Missing } from './workspace.js'
import type { WorkerThread } from './worker-thread.js'
import type { Member } from './pool.js'
import type { LoadedProgram, ProgramId, ProgramTask } from './runner.js'

/** A new thread has taken the place of one that was lost. */
export type Replaced = { readonly worker: number; readonly cause: Loss }

export type SupervisionOptions = {
  readonly worker: number
  readonly start: IOEither<WorkerError, WorkerThread>
  /** Where its workspace is allocated. */
  readonly memory: Memory
  /** How many threads the same work may cost. */
  readonly attempts: number
  readonly onReplaced: (replaced: Replaced) => void
}

export type SupervisedWorker = Member & {
  /** Starts the first thread. One that is lost on the way is replaced like any other. */
  readonly open: TE.TaskEither<WorkerError, void>
}

/** Tells `finished` of the second word, as it is, whenever it has changed while the work goes on. */
const watched =
  <A>(words: Int32Array, finished: (groups: number) => void, work: Task<A>): Task<A> =>
  async () => {
    let isOver = false
    const watch = async (): Promise<void> => {
      for (let seen = 0; !isOver;) {
        const next = Atomics.waitAsync(words, 1, seen)
        if (next.async) await next.value
        if (isOver) return
        seen = Atomics.load(words, 1)
        finished(seen)
      }
    }
    void watch()
    try {
      return await work()
    } finally {
      isOver = true
      Atomics.notify(words, 1)
    }
  }

export const superviseWorker = ({
  worker,
  start,
  memory,
  attempts,
  onReplaced
}: SupervisionOptions): SupervisedWorker => {
  const loaded: Array<{ readonly id: ProgramId; readonly program: Program; readonly known: LoadedProgram }> = []
  let workspace = noWorkspace
  let current: WorkerThread | undefined
  /** The loss that the next thread makes good. */
  let replacing: Loss | undefined
  let unusable: WorkerError | undefined
  let giveUp: (reason: WorkerError) => void
  const lost = new Promise<WorkerError>((settle) => {
    giveUp = settle
  })

  /**
   * Where threads count the tasks that they have done, so that the next one goes on where a lost one stood, and the groups of
   * outputs that the one at hand has finished.
   */
  let counts: number | undefined
  const countsAt: IOEither<WorkerError, number> = () =>
    counts === undefined ? E.map((address: number) => (counts = address))(memory.allocate(8)) : E.right(counts)

  const wordsAt = (address: number): Int32Array => memory.view('i32', address, 2) as Int32Array

  /** Ends the thread, if there is one, and waits for its end. */
  const end: TE.TaskEither<WorkerError, void> = async () => {
    const ended = current === undefined ? E.right(undefined) : await current.end()
    current = undefined
    if (E.isLeft(ended)) {
      unusable = ended.left
      giveUp(ended.left)
    }
    return ended
  }

  /** The thread, or a new one with all programs on it. */
  const running: TE.TaskEither<WorkerError, WorkerThread> = async () => {
    if (current !== undefined) return E.right(current)
    const started = start()
    if (E.isLeft(started)) return started
    const thread = started.right
    current = thread
    const opened = await pipe(
      thread.open,
      TE.chain(() =>
        pipe(
          loaded,
          TE.traverseSeqArray(({ id, program, known }) => thread.load(id, program, known))
        )
      )
    )()
    if (E.isLeft(opened)) {
      const ended = await end()
      return E.isLeft(ended) ? ended : opened
    }
    if (replacing !== undefined) onReplaced({ worker, cause: replacing })
    replacing = undefined
    return started
  }

  const surviving =
    <A>(work: (thread: WorkerThread) => TE.TaskEither<WorkerError, A>): TE.TaskEither<WorkerError, A> =>
    async () => {
      for (let attempt = 1; ; attempt++) {
        if (unusable !== undefined) return E.left(unusable)
        const answer = await pipe(running, TE.chain(work))()
        if (E.isRight(answer) || !isLoss(answer.left)) return answer
        const cause = answer.left
        const ended = await end()
        if (E.isLeft(ended)) return ended
        replacing = cause
        if (attempt >= attempts) return E.left({ _tag: 'TaskFailed', worker, attempts, cause })
      }
    }

  /** Gives the workspace back for a longer one, if there is room as long as all its programs want. Only between two calls. */
  const widen = ({ bytes, least }: Missing): E.Either<WorkerError, void> => {
    memory.free(workspace.address, workspace.bytes)
    workspace = noWorkspace
    const taken = (bytes: number): E.Either<WorkerError, void> =>
      pipe(
        memory.allocate(bytes),
        E.map((address) => {
          workspace = { address, bytes }
        })
      )
    return pipe(
      taken(bytes),
      E.orElse(() => taken(least))
    )
  }

  const runOn =
    (tasks: ReadonlyArray<ProgramTask>, progress: number, finished: (groups: number) => void) =>
    (thread: WorkerThread): TE.TaskEither<WorkerError, void> =>
      pipe(
        // Read when it is run: the workspace may have changed since.
        TE.fromIO(() => {
          // Said before a thread begins to write again to what another had finished.
          Atomics.store(wordsAt(progress), 1, 0)
          finished(0)
          return workspace
        }),
        TE.chain((given) => thread.run(tasks, given, progress)),
        TE.chain((ran) =>
          ran._tag === 'Done'
            ? TE.right(undefined)
            : pipe(
                TE.fromEither(widen(ran)),
                TE.chain(() => runOn(tasks, progress, finished)(thread))
              )
        )
      )

  return {
    open: surviving(() => TE.right(undefined)),
    load: (id, program, given) =>
      pipe(
        surviving((thread) => thread.load(id, program, given)),
        TE.map((known) => {
          loaded.push({ id, program, known })
          return known
        })
      ),
    run: (tasks, finished) =>
      pipe(
        TE.fromIOEither(countsAt),
        TE.chain((progress) => {
          Atomics.store(wordsAt(progress), 0, 0)
          if (finished === undefined) return surviving(runOn(tasks, progress, constVoid))
          return watched(wordsAt(progress), finished, surviving(runOn(tasks, progress, finished)))
        })
      ),
    lost,
    release: async () => {
      unusable ??= { _tag: 'PoolReleased' }
      await end()
    }
  }
}
