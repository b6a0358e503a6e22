/**
 * Pre-training as a run: an objective on a corpus, in a directory, with checkpoints.
 */

import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Corpus } from '../data/corpus/corpus.js'
import type { RunIdentity } from '../store/checkpoints/checkpoint-state.js'
import { computedPart } from '../store/digest.js'
import { foldsOf, type ExecutionOptions, type RunError, type RunOptions, type RunResult } from '../training/run.js'
import { trainThen } from '../training/train.js'
import { pretrainingProblem, type RunSettings } from './problem.js'

export type PretrainOptions = RunSettings & ExecutionOptions & { readonly corpus: Corpus }

/**
 * What a resume must match. Names of configurations, numbers of workers, and how often to save may differ: none of them changes
 * what a step computes.
 */
export const identityOf = ({
  config,
  corpus,
  seed,
  totalSteps,
  precision,
  lossScaling
}: Omit<RunSettings, 'corpus'> & Pick<PretrainOptions, 'corpus'>): RunIdentity => ({
  problem: 'pre-training',
  config: computedPart(config),
  corpus: corpus.manifest.sha256,
  seed,
  steps: totalSteps,
  ...(precision === 'mixed' ? { precision, ...(lossScaling === undefined ? {} : { lossScaling }) } : {})
})

const runOf = (options: PretrainOptions): RunOptions => ({
  ...options,
  folds: foldsOf(options),
  identity: identityOf(options),
  problem: () => pretrainingProblem(options)
})

/** Runs, or resumes, a pre-training: see `trainThen`. */
export const pretrainThen = (
  options: PretrainOptions
): (<E, A>(use: (result: RunResult) => TE.TaskEither<E, A>) => TE.TaskEither<E | RunError, A>) =>
  trainThen(runOf(options))

/** See `trainThen`. */
export const pretrain = (options: PretrainOptions): TE.TaskEither<RunError, RunResult> =>
  pretrainThen(options)<never, RunResult>(TE.right)
