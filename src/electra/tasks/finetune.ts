/**
 * One trial of fine-tuning: a run in its directory, and what its network then says of every split.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { NamedStored } from '../../tensor/stored.js'
import { withFolds } from '../../workers/index.js'
import type { RunIdentity } from '../store/checkpoints/checkpoint-state.js'
import { sha256OfTensors } from '../store/digest.js'
import type { Network } from '../store/models/hf-config.js'
import type { FloatTensor } from '../store/models/hf-tensors.js'
import type { Problem } from '../training/problem.js'
import { foldsOf, type ExecutionOptions, type RunOptions } from '../training/run.js'
import { openSession, type SessionError } from '../training/session.js'
import { fineTuningProblem, judged, totalStepsOf, type FineTuningSettings } from './problem.js'
import type { Judgement } from './task.js'

export type Trial = Omit<FineTuningSettings, 'layers'> & {
  readonly name: string
  readonly network: Network
  /** The encoder's weights; none where all are drawn. */
  readonly tensors: ReadonlyArray<FloatTensor>
  /** The model directory that they are of. */
  readonly directory: string
}

export const settingsOf = ({ network, ...trial }: Trial): FineTuningSettings => ({ ...trial, layers: network.layers })

const configOf = ({ name, recipe, network, limit }: Trial) => ({ task: name, recipe, network, limit: limit ?? null })

/** What a resume must match: everything that decides the bits of a step. */
export const trialIdentity = (trial: Trial): RunIdentity => ({
  ...configOf(trial),
  problem: 'fine-tuning',
  data: trial.task.dataSha256,
  weights: trial.tensors.length === 0 ? 'drawn' : sha256OfTensors(trial.tensors),
  seed: trial.seed
})

/** A run of the engine. */
export const trialRun = (trial: Trial, execution: Omit<ExecutionOptions, 'initial' | 'totalSteps'>): RunOptions => {
  const { directory, network, tensors } = trial
  const settings = settingsOf(trial)
  return {
    ...execution,
    folds: foldsOf(execution),
    config: configOf(trial),
    totalSteps: totalStepsOf(settings),
    ...(tensors.length === 0 ? {} : { initial: { tensors, from: [{ directory, half: 'encoder', network, tensors }] } }),
    identity: trialIdentity(trial),
    problem: () => fineTuningProblem(settings)
  }
}

/** What a network of these parameters says of every split of the task. Of several ranks all are told, and each does its part. */
export const judgements = (
  trial: Trial,
  params: ReadonlyArray<NamedStored>,
  { pool, ranks }: Pick<ExecutionOptions, 'pool' | 'ranks'>
): TE.TaskEither<SessionError, Readonly<Record<string, Judgement>>> => {
  const { task, recipe } = trial
  const names = Object.keys(task.splits).filter((name) => name !== 'train')
  return withFolds(pool, { ranks })((folds) =>
    pipe(
      TE.fromEither<SessionError, Problem>(fineTuningProblem(settingsOf(trial), names)),
      TE.chain((problem) => openSession(problem)(folds)),
      TE.bindTo('session'),
      TE.chainFirst(({ session }) =>
        pipe(
          session.read,
          TE.chain(({ optimizer }) => session.write({ params, optimizer }, 0))
        )
      ),
      TE.chain(({ session }) =>
        pipe(
          names,
          TE.traverseSeqArray((name) =>
            pipe(
              session.outputs(name),
              TE.map((results) => [name, judged(task.splits[name], recipe.batchSize, results)] as const)
            )
          )
        )
      ),
      TE.map((all): Readonly<Record<string, Judgement>> => Object.fromEntries(all))
    )
  )
}
