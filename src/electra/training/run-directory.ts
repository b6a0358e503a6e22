/**
 * The directory that a run lives in:
 *
 *     config.json      the configuration, resolved
 *     run.json         how it is run, and on what it has been computed
 *     metrics.jsonl    a line for each step and each evaluation
 *     checkpoints/     the last few, and the best by held-out loss
 *
 * One process at a time works in it. Of several ranks the first one reads and writes it, and the others do neither. Whoever takes
 * it away, or the checkpoints out of it, ends the run: what was saved is no longer where the run says that it is.
 */

import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as O from 'fp-ts/lib/Option.js'
import type { Task } from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Precision } from '../../tensor/run/device-choice.js'
import type { Ranks, Where } from '../../workers/index.js'
import { canonicalJson, type Json } from '../store/canonical-json.js'
import {
  checkpointPath,
  latestCheckpoint,
  pruneCheckpoints,
  saveCheckpoint,
  type Checkpoint,
  type Found
} from '../store/checkpoints/checkpoint.js'
import type { RunIdentity } from '../store/checkpoints/checkpoint-state.js'
import type { StoreError } from '../store/errors.js'
import { exists, expectNoLink, removeLeftovers, writeFileWhole } from '../store/files/files.js'
import type { InitialWeights } from '../store/models/initial-weights.js'
import { lockDirectory, type Lock } from '../store/files/lock.js'
import { checkResume } from '../store/checkpoints/resume.js'
import { metricsFile, type From, type MetricsFile } from './metrics-file.js'
import {
  checkArithmetic,
  readRecord,
  startsWith,
  writeRecord,
  type OtherBits,
  type RunRecord,
  type Start
} from './run-record.js'

export type DirectoryOptions = {
  readonly out: string
  readonly keepCheckpoints: number
  /** Continue from the last checkpoint in `out`; without it, `out` must hold none. */
  readonly resume: boolean
  /** Whether a resume may multiply otherwise than the run has so far, which gives other bits. Not where it is not given. */
  readonly allowOtherBits?: boolean
}

export type DirectoryError =
  | StoreError
  | OtherBits
  /** `out` already holds a run, and `resume` was not asked for; `step` where it can be resumed. */
  | { readonly _tag: 'RunExists'; readonly out: string; readonly step: number | undefined }
  /** `resume` was asked for, and there is nothing to resume. */
  | { readonly _tag: 'NothingToResume'; readonly out: string }

/** Where a run begins. */
export type Beginning = { readonly found: O.Option<Found>; readonly record: O.Option<RunRecord> }

/** A run's directory, while this process has it. */
export type RunDirectory = {
  /** Whether it is this rank that writes it. */
  readonly isOurs: boolean
  /** Why other processes are not kept out of it, where they are not. */
  readonly unguarded: string | undefined
  /** Fails with `Gone` where it is no longer there. */
  readonly check: TE.TaskEither<StoreError, void>
  /** Clears what processes before this one left behind, and gives the checkpoint to start from: none for a new run. */
  readonly begin: TE.TaskEither<DirectoryError, Beginning>
  /** Refuses to go on from there on what gives other bits, unless that is allowed. */
  readonly checkArithmetic: (beginning: Beginning, where: Where) => E.Either<DirectoryError, void>
  /** Writes the configuration and the record of the run, and opens its metrics. */
  readonly open: (
    beginning: Beginning,
    from: From,
    where: Where
  ) => TE.TaskEither<StoreError, { readonly metrics: MetricsFile; readonly starts: ReadonlyArray<Start> }>
  /**
   * Writes the checkpoint of a step, and gives its path. Fails with `Gone` where the checkpoints before it were taken away: this
   * one is saved then in a new directory, so that nothing is lost beside them. Where there is no checkpoint to write, nothing is.
   */
  readonly save: <E>(step: number, checkpoint: TE.TaskEither<E, Checkpoint>) => TE.TaskEither<E | StoreError, string>
  readonly release: Task<void>
}

const placesIn = (out: string) => ({ checkpoints: join(out, 'checkpoints'), model: join(out, 'model') })

/** A new run must find no other's results: they would be taken for its own. */
const expectNone = (out: string): TE.TaskEither<DirectoryError, void> =>
  pipe(
    [placesIn(out).model, join(out, 'report.json')],
    TE.traverseArray((path) => exists(path)),
    TE.filterOrElse(
      (there) => !there.includes(true),
      (): DirectoryError => ({ _tag: 'RunExists', out, step: undefined })
    ),
    TE.map(() => undefined)
  )

const beginOf = ({ out, resume, keepCheckpoints }: DirectoryOptions, identity: RunIdentity): RunDirectory['begin'] => {
  const { checkpoints, model } = placesIn(out)
  return pipe(
    [out, checkpoints, model],
    TE.traverseSeqArray(removeLeftovers),
    TE.chainW(() => latestCheckpoint(checkpoints)),
    TE.chainW((found): TE.TaskEither<DirectoryError, Beginning> => {
      if (O.isNone(found))
        return resume
          ? TE.left({ _tag: 'NothingToResume', out })
          : pipe(
              expectNone(out),
              TE.map(() => ({ found, record: O.none }))
            )
      const { progress } = found.value.checkpoint
      if (!resume) return TE.left({ _tag: 'RunExists', out, step: progress.step })
      return pipe(
        TE.fromEither<DirectoryError, void>(checkResume(identity, progress.identity)),
        TE.chainW(() => pruneCheckpoints(checkpoints, progress, keepCheckpoints)),
        TE.chainW(() => readRecord(out)),
        TE.map((record) => ({ found, record }))
      )
    })
  )
}

const startsOf = ({ record }: Beginning): ReadonlyArray<Start> =>
  pipe(
    record,
    O.match(
      () => [],
      ({ starts }) => starts
    )
  )

export type RunDirectoryOptions = DirectoryOptions & {
  readonly checkpointEvery: number
  readonly totalSteps: number
  /** What `config.json` is to hold. */
  readonly config: Json
  readonly initial?: Pick<InitialWeights, 'from'>
  /** float32, where not given. */
  readonly precision?: Precision
}

/** As records have it: those of runs in float32 say nothing. */
const asTrained = (precision: Precision | undefined): Pick<RunRecord, 'precision'> =>
  precision === 'mixed' ? { precision } : {}

const openOf =
  (
    { out, keepCheckpoints, checkpointEvery, totalSteps, config, initial, precision }: RunDirectoryOptions,
    guarded: Guard
  ): RunDirectory['open'] =>
  (beginning, from, where) => {
    const before = startsOf(beginning)
    const isOver = from.step === totalSteps && before.length > 0
    const starts = isOver ? before : startsWith(before, { ...where, step: from.step })
    const startedFrom = O.isSome(beginning.record)
      ? beginning.record.value.startedFrom
      : initial?.from.map(({ directory }) => directory)
    return pipe(
      guarded(writeFileWhole(join(out, 'config.json'), `${canonicalJson(config, 2)}\n`)),
      TE.chain(() =>
        guarded(writeRecord(out, { checkpointEvery, keepCheckpoints, starts, startedFrom, ...asTrained(precision) }))
      ),
      TE.chain(() => guarded(metricsFile(out, from))),
      TE.map(({ append, sync }) => ({
        starts,
        metrics: { append: (record) => guarded(append(record)), sync }
      }))
    )
  }

type Guard = <A>(work: TE.TaskEither<StoreError, A>) => TE.TaskEither<StoreError, A>

/** What may be written only while the directory is the one that was locked: it must not come into being again under its name. */
const guard =
  ({ check }: Lock): Guard =>
  (work) =>
    pipe(
      check,
      TE.chain(() => work)
    )

/** A lock of the directory and one of the checkpoints in it, so that both are known again. */
type Locks = { readonly whole: Lock; readonly checkpoints: Lock }

/** Only a whole run may lie elsewhere: what is written, replaced and removed in it must be its own. */
const expectOwn = (out: string): TE.TaskEither<StoreError, void> =>
  pipe(
    Object.values(placesIn(out)),
    TE.traverseSeqArray(expectNoLink),
    TE.map(() => undefined)
  )

const lockBoth = (out: string): TE.TaskEither<StoreError, Locks> =>
  pipe(
    expectOwn(out),
    TE.chain(() => lockDirectory(out)),
    TE.chain((whole) =>
      pipe(
        lockDirectory(placesIn(out).checkpoints),
        TE.map((checkpoints) => ({ whole, checkpoints })),
        TE.orElse((e) =>
          pipe(
            TE.fromTask<void, StoreError>(whole.release),
            TE.chain(() => TE.left(e))
          )
        )
      )
    )
  )

const writtenHere = (
  options: RunDirectoryOptions,
  identity: RunIdentity,
  { whole: lock, checkpoints: kept }: Locks
): RunDirectory => {
  const { checkpoints } = placesIn(options.out)
  const guarded = guard(lock)
  return {
    isOurs: true,
    unguarded: lock.unguarded,
    check: lock.check,
    begin: beginOf(options, identity),
    checkArithmetic: (beginning, where) =>
      options.allowOtherBits === true ? E.right(undefined) : checkArithmetic(startsOf(beginning), where),
    open: openOf(options, guarded),
    save: (_, checkpoint) =>
      pipe(
        checkpoint,
        TE.chainW((whole) => guarded(saveCheckpoint(checkpoints, whole, { keep: options.keepCheckpoints }))),
        TE.chainFirstW((saved) =>
          pipe(
            kept.check,
            TE.mapLeft((e): StoreError => (e._tag === 'Gone' ? { ...e, saved } : e))
          )
        )
      ),
    release: async () => {
      await kept.release()
      await lock.release()
    }
  }
}

/** For the ranks that do not write it: they do nothing to it, and say the same of it. */
const writtenElsewhere = ({ out }: RunDirectoryOptions): RunDirectory => ({
  isOurs: false,
  unguarded: undefined,
  check: TE.right(undefined),
  begin: TE.right({ found: O.none, record: O.none }),
  checkArithmetic: () => E.right(undefined),
  open: () => TE.right({ metrics: { append: () => TE.right(undefined), sync: TE.right(undefined) }, starts: [] }),
  save: (step) => TE.right(checkpointPath(placesIn(out).checkpoints, step)),
  release: () => Promise.resolve()
})

/** Takes the directory of a run for this process, as this rank sees it. Fails with `InUse` where another has it. */
export const acquireRunDirectory = (
  options: RunDirectoryOptions,
  identity: RunIdentity,
  { rank }: Ranks
): TE.TaskEither<DirectoryError, RunDirectory> =>
  rank === 0
    ? pipe(
        // Nothing comes into being where there is nothing to resume.
        options.resume ? exists(options.out) : TE.right(true),
        TE.filterOrElse(
          (there) => there,
          (): DirectoryError => ({ _tag: 'NothingToResume', out: options.out })
        ),
        TE.chainW(() => lockBoth(options.out)),
        TE.map((locks) => writtenHere(options, identity, locks))
      )
    : TE.right(writtenElsewhere(options))
