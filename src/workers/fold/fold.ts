/**
 * A fold: a state, and steps that replace it. What it is computed on is its maker's business.
 *
 *     shardGrad(read state, shard inputs)          -> gradients, metrics     once per shard
 *     sum over the shards, in the fixed tree                                 gradients and metrics alike
 *     update(state, summed gradients, inputs)      -> state, report          once
 *
 * The number of shards belongs to the step, so where and when they are computed changes no bit.
 */

import type { IO } from 'fp-ts/lib/IO.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Data } from '../../tensor/dtype.js'
import type { TensorError } from '../../tensor/fault.js'
import type { Lowered } from '../../tensor/program/lower.js'
import type { WorkerError } from '../error.js'
import type { MemoryPlan } from './memory-plan.js'

/** Arrays in the order of a program's inputs or outputs. */
export type Arrays = ReadonlyArray<Data>

export type Step = {
  /** How many shards a batch is cut into: part of what the step computes. */
  readonly shards: number
  /** How many arrays the state has. */
  readonly state: number
  /** Which of them `shardGrad` and evaluations read, as positions in the state: most often the parameters. */
  readonly reads: ReadonlyArray<number>
  /** How many of the outputs of `shardGrad` go on to `update`; those that follow are metrics. */
  readonly gradients: number
  /** Inputs: the arrays that are read, then those of the shard. Outputs: gradients, then metrics. */
  readonly shardGrad: Lowered
  /** Inputs: the state, the summed gradients, then those of the step. Outputs: the next state, then the report. */
  readonly update: Lowered
  /** The same update of many arrays at a time, for whoever has them side by side. */
  readonly flat?: FlatUpdate
}

/**
 * An update that treats some arrays alike, element by element, up to sums over all of them: it can be computed of arrays that are
 * joined, with zeros between, which stay zeros.
 */
export type FlatUpdate = {
  /** Which gradients are treated alike: positions among the gradients, each in one group. */
  readonly groups: ReadonlyArray<ReadonlyArray<number>>
  /** For each part of the state, such as the parameters or a moment, the position in it of the array of each gradient. */
  readonly parts: ReadonlyArray<ReadonlyArray<number>>
  /** The positions of what is in none of the parts, and is joined with nothing: none, where not given. */
  readonly apart?: ReadonlyArray<number>
  /**
   * The update where group `i` joined has `sizes[i]` elements. Inputs: what is apart, part by part and group by group the rest of the
   * state, the gradients by group, then those of the step. Outputs: the state in the same order, then the report.
   */
  readonly update: (sizes: ReadonlyArray<number>) => Either<TensorError, Lowered>
}

export type StepOutputs = {
  /** The metrics of `shardGrad`, summed over the shards. */
  readonly metrics: Arrays
  /** What `update` says beyond the state. */
  readonly report: Arrays
}

/** Sums over the shards of what a program says of the state as it is. */
export type Evaluation = (shardInputs: ReadonlyArray<Arrays>) => TaskEither<WorkerError, Arrays>

/** The fold in its present state. Calls that overlap are carried out in the order in which they were made. */
export type Fold = {
  /** How many steps may have been called and not settled: at least one. Where it is more, they are computed while others are called. */
  readonly window: number
  /** Sets the state, which is all zeros before. Fails with `WrongInputs`, and then changes nothing. */
  readonly write: (state: Arrays) => TaskEither<WorkerError, void>
  /**
   * Computes arrays of the state in their places: the outputs of a program that reads `inputs`, to `positions`. `name` is what
   * errors call it. Where it does not fit, with `ProgramRejected` or `WrongInputs`, nothing changes; `StateTorn` after that.
   */
  readonly fill: (
    name: string,
    source: Lowered,
    positions: ReadonlyArray<number>,
    inputs: Arrays
  ) => TaskEither<WorkerError, void>
  /** Copies of the state. Fails where it is torn, or lost with its device. */
  readonly read: TaskEither<WorkerError, Arrays>
  /**
   * One step of the state; a `Left` leaves it as it was, but `StateTorn`: the fold then waits for a state to be written.
   * `shardInputs[shard]` are the arrays of that shard: of all shards, on every rank.
   *
   * Steps settle in order. Where the window is more than one, a fold whose step has failed takes no other until a state is
   * written: those that were called before its failure was heard of fail too, as they were to begin from what it did not give.
   */
  readonly step: (shardInputs: ReadonlyArray<Arrays>, updateInputs: Arrays) => TaskEither<WorkerError, StepOutputs>
  /**
   * Prepares another program on the same state and number of shards. Inputs: the arrays that are read, then those of
   * the shard. Its outputs are summed in the same fixed tree.
   */
  readonly evaluation: (name: string, source: Lowered) => TaskEither<WorkerError, Evaluation>
  /** The memory that the step takes, and the evaluations that are prepared by now. */
  readonly memory: IO<MemoryPlan>
  /** Gives every rank the state of rank 0. */
  readonly share: TaskEither<WorkerError, void>
  /** Fails on every rank where one has another state than rank 0: there with `RanksDiffer`. */
  readonly compare: TaskEither<WorkerError, void>
}

/** Makes folds on what it stands for: a pool, say. */
export type FoldMaker = {
  /**
   * Prepares a step, with all the memory that it takes.
   *
   * Fails with `ProgramRejected` where its programs do not fit one another, with `WrongRankCount`, with `OutOfMemory`, or with
   * what a device says, and then leaves the memory as it was.
   */
  readonly make: (step: Step) => TaskEither<WorkerError, Fold>
}
