/**
 * What is trained, as the engine sees it: programs, the inputs of step n, reports, and an identity that a resume must match.
 *
 * Pre-training and fine-tuning are problems; sessions, the loop, checkpoints, workers and ranks know neither of them.
 */

import type { AdamState, LossScale, Params } from '../../nn/index.js'
import type { Traced } from '../../tensor/program/trace.js'
import type { Words } from '../../tensor/threefry.js'
import type { NamedStored } from '../../tensor/stored.js'
import type { Arrays, Step } from '../../workers/index.js'
import type { Facts, Report } from './columns.js'

/** Everything that a step changes. Leaves in path order are the arrays of a fold. */
export type TrainingState<P = Params> = {
  readonly optimizer: AdamState & { readonly lossScale?: LossScale }
  readonly params: P
}

/** The arrays of a state by name: parameters as in model files, moments behind `mu.` and `nu.`, what scales losses behind `lossScale.`. */
export type NamedState = { readonly params: ReadonlyArray<NamedStored>; readonly optimizer: ReadonlyArray<NamedStored> }

/** Of the name of an array of the optimiser. */
export const isMoment = (name: string): boolean => name.startsWith('mu.') || name.startsWith('nu.')

/** Arrays by name, such as the sums of a batch's metrics. */
export type NamedArrays = { readonly [name: string]: ArrayLike<number> }

export type StepInputs = {
  readonly shards: ReadonlyArray<Arrays>
  /** Tokens of the batch that are not padding. */
  readonly tokens: number
}

/** The steps from `from` on, until those of the next phase. All phases have the same state. */
export type Phase = {
  readonly from: number
  readonly step: Step
  /** The names of the metric sums, in the order of the arrays. */
  readonly metrics: ReadonlyArray<string>
  readonly report: (sums: NamedArrays) => Report
  /** Of step n, counted from the beginning of the run. */
  readonly learningRateAt: (n: number) => number
  /** Their reports make one; none where nothing is held out. One of its numbers is `loss`, which is best where it is least. */
  readonly evaluations: ReadonlyArray<Evaluation>
  /**
   * The state that the phase begins with, from the one before it; that one, where not given. Of such a state it gives the same again:
   * a run whose first step of the phase fails is saved as the phase begins, and enters it again when it goes on.
   */
  readonly enter?: (state: NamedState) => NamedState
}

/** A program on the state, without dropout, over batches that are the same at every evaluation. */
export type Evaluation = {
  readonly name: string
  readonly source: Traced<unknown>
  /** The names of its outputs, in the order of the arrays. */
  readonly outputs: ReadonlyArray<string>
  readonly batches: ReadonlyArray<ReadonlyArray<Arrays>>
  /** Of the outputs of each batch, summed over its shards. */
  readonly report: (results: ReadonlyArray<NamedArrays>) => Report
}

export type Problem = {
  readonly totalSteps: number
  /** Placeholders of the state's shapes, in its structure. */
  readonly state: TrainingState
  /** No input but the key; outputs the arrays that steps read, in their order. The others begin as zeros. */
  readonly initial: Traced<unknown>
  readonly initialKey: Words
  /** At least one; the first from step 0. */
  readonly phases: ReadonlyArray<Phase>
  /** Of any step: nothing before it has to be replayed. */
  readonly inputsAt: (n: number) => StepInputs
  /** See `Facts`. */
  readonly facts: Facts
  /** How many examples there are to train on; at least one. */
  readonly examples: number
  readonly heldOutExamples: number
}

/** There is no example to train on. */
export type NoExamples = { readonly _tag: 'NoExamples' }

/** The text and the batches of a run take more memory than there is. */
export type BatchesTooLarge = {
  readonly _tag: 'BatchesTooLarge'
  readonly batchSize: number
  readonly sequenceLength: number
  /** Batches that are held at a time: those of evaluations, the one at hand and the next. */
  readonly batches: number
  /** Bytes. */
  readonly wanted: number
  readonly available: number
}

/** Why there is nothing to train on. */
export type InputsError = NoExamples | BatchesTooLarge

export const namedArrays = (names: ReadonlyArray<string>, arrays: ReadonlyArray<ArrayLike<number>>): NamedArrays =>
  Object.fromEntries(names.map((name, i) => [name, arrays[i]]))

/** Sums of what batches gave. */
export const addedArrays = (results: ReadonlyArray<NamedArrays>): NamedArrays => {
  const [first, ...rest] = results
  return Object.fromEntries(
    Object.entries(first).map(([name, x]) => {
      const sum = Float64Array.from(x)
      for (const result of rest) sum.forEach((at, i) => (sum[i] = at + result[name][i]))
      return [name, sum]
    })
  )
}

/** Which phase step n belongs to. */
export const phaseAt = ({ phases }: Pick<Problem, 'phases'>, n: number): number =>
  Math.max(
    0,
    phases.findLastIndex(({ from }) => from <= n)
  )
