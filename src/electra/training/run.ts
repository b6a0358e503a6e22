/**
 * A run as data: what it is asked for, what it tells on the way, what it comes to, and how it may fail.
 */

import type * as E from 'fp-ts/lib/Either.js'
import type { IO } from 'fp-ts/lib/IO.js'
import type * as O from 'fp-ts/lib/Option.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import {
  acquireFolds,
  type HeldFolds,
  type MemoryPlan,
  type PoolOptions,
  type Ranks,
  type Replaced,
  type Where,
  type WorkerError
} from '../../workers/index.js'
import type { TensorError } from '../../tensor/fault.js'
import type { HeldOut, RunIdentity } from '../store/checkpoints/checkpoint-state.js'
import type { StoreError } from '../store/errors.js'
import type { InitialWeights } from '../store/models/initial-weights.js'
import type { Facts, Report } from './columns.js'
import type { MetricsFile } from './metrics-file.js'
import type { Scaled } from './metrics-summary.js'
import type { InputsError, NamedState, Problem } from './problem.js'
import type { DirectoryError, RunDirectory, RunDirectoryOptions } from './run-directory.js'
import type { Start } from './run-record.js'
import type { Session, SessionError } from './session.js'

/** How a run is carried out, whatever it solves. */
export type ExecutionOptions = Omit<RunDirectoryOptions, 'config' | 'initial'> & {
  readonly pool: Omit<PoolOptions, 'onReplaced'>
  /** Who makes the run with this process: nobody, where not given. */
  readonly ranks?: Ranks
  /** Weights that a new run starts from, by the names of its parameters; the others are drawn. */
  readonly initial?: InitialWeights
  /** Asked before each step: whether to save and stop. All ranks stop where one of them is to. */
  readonly shouldStop: () => boolean
  readonly observe: (event: RunEvent) => void
}

/** What makes the folds of a run. It tells of threads that it has replaced. */
export type AcquireFolds = (onReplaced: (replaced: Replaced) => void) => TaskEither<WorkerError, HeldFolds>

export const foldsOf =
  ({ pool, ranks }: Pick<ExecutionOptions, 'pool' | 'ranks'>): AcquireFolds =>
  (onReplaced) =>
    acquireFolds({ ...pool, onReplaced }, { ranks })

export type RunOptions = Omit<ExecutionOptions, 'pool'> &
  Pick<RunDirectoryOptions, 'config'> & {
    /** Acquired once the run's directory is there, and shared out as `ranks` are. */
    readonly folds: AcquireFolds
    /** What a resume must match. */
    readonly identity: RunIdentity
    /** Made once the run's directory and its folds' maker are there. */
    readonly problem: () => E.Either<TensorError | InputsError, Problem>
  }

export type RunError =
  | SessionError
  | DirectoryError
  /**
   * What follows `step` could not be computed. The state of that step is `saved`, in a checkpoint that the run can be resumed
   * from, or could not be; `none` on a rank that saves nothing, and where the state is torn. `last` is the checkpoint before.
   */
  | {
      readonly _tag: 'StepFailed'
      readonly step: number
      readonly cause: SessionError
      readonly saved: O.Option<E.Either<StoreError | StateUnread, string>>
      readonly last: string | undefined
    }
  | StateUnread
  /** Something that must be finite no longer is. Earlier checkpoints stand, and none of this state is written. */
  | {
      readonly _tag: 'Diverged'
      readonly step: number
      readonly what: 'loss' | 'gradient norm' | 'held-out loss'
      readonly found: number
      /** How many steps in a row were skipped for it, where losses are scaled and the scale has come down to 1. */
      readonly skipped?: number
    }

/** The state of `step` was to be saved and could not be read, as on a device that is lost. `last` is the checkpoint before. */
export type StateUnread = {
  readonly _tag: 'StateUnread'
  readonly step: number
  readonly cause: SessionError
  readonly last: string | undefined
}

export type RunEvent =
  | (Where & {
      readonly _tag: 'Started'
      readonly step: number
      readonly totalSteps: number
      readonly parameters: number
      readonly examples: number
      readonly heldOutExamples: number
      /** Of this process. */
      readonly memory: MemoryPlan
    })
  | {
      readonly _tag: 'Stepped'
      /** Updates done. */
      readonly step: number
      readonly report: Report
      readonly gradientNorm: number
      readonly learningRate: number
      /** See `StepReport`. */
      readonly lossScale?: number
      readonly tokens: number
      readonly seconds: number
    }
  | { readonly _tag: 'Evaluated'; readonly step: number; readonly report: Report; readonly isBest: boolean }
  | { readonly _tag: 'Saved'; readonly step: number; readonly path: string }
  | ({ readonly _tag: 'Replaced' } & Replaced)
  /** Nothing keeps another process from working in the run's directory, for that reason. */
  | { readonly _tag: 'Unguarded'; readonly reason: string }

export type RunResult = Where & {
  /** Whether every step was taken; otherwise it was asked to stop. */
  readonly isComplete: boolean
  readonly step: number
  readonly totalSteps: number
  readonly parameters: number
  /** Means over the first and the last tenth of the steps; empty where none of it was taken. */
  readonly first: Report
  readonly last: Report
  /** The last evaluation: of this step where the run is complete. */
  readonly heldOut: Report | undefined
  readonly best: HeldOut | undefined
  /** Where losses are scaled. */
  readonly scaled?: Scaled
  /** See `Problem`. */
  readonly facts: Facts
  /** On what it was computed, by the step from which on. */
  readonly starts: ReadonlyArray<Start>
  /** Of this process only, `undefined` where it took no step. Padding is not counted. */
  readonly tokensPerSecond: number | undefined
  /** Worker threads that were lost and replaced, in these processes. */
  readonly replacements: number
  readonly weightsSha256: string
  readonly optimizerSha256: string
  readonly checkpoint: string
  /** The final parameters by name. */
  readonly params: NamedState['params']
}

export type Diverged = Extract<RunError, { readonly _tag: 'Diverged' }>

/** Everything the loop works with. */
export type Run = {
  readonly options: RunOptions
  readonly problem: Problem
  readonly ranks: Ranks
  readonly session: Session
  readonly directory: RunDirectory
  readonly metrics: MetricsFile
  readonly starts: ReadonlyArray<Start>
  readonly replacements: IO<number>
}
