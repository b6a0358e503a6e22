/**
 * Pre-training as a problem for the training engine: an objective on a corpus.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { TensorError } from '../../tensor/index.js'
import { dynamicLossScaling, type LossScaling } from '../../nn/index.js'
import type { Precision } from '../../tensor/run/device-choice.js'
import type { Arrays } from '../../workers/index.js'
import type { ElectraConfig } from '../config/config.js'
import type { EncodedCorpus } from '../data/encoded-corpus.js'
import { countPieces } from '../data/examples/fixed-corruption.js'
import { entropyOfCounts } from '../objective/entropy.js'
import type { Pieces } from '../objective/pieces.js'
import { objectiveOf } from '../objective/table.js'
import { addedArrays, type Evaluation, type InputsError, type Phase, type Problem } from '../training/problem.js'
import { trainingData, type TrainingData } from './data.js'
import { runKeys } from './keys.js'
import { pretrainingPrograms, type Judgement, type StagePrograms } from './programs.js'

/** What decides the bits of a run, beside the device's arithmetic. */
export type RunSettings = {
  readonly config: ElectraConfig
  readonly corpus: EncodedCorpus
  readonly seed: number
  /** Where the run ends. */
  readonly totalSteps: number
  /**
   * What it is trained in: float32, where not given. In mixed precision losses are scaled, on whatever device a step is computed; what
   * that stores in half precision is the device's choice.
   */
  readonly precision?: Precision
  /** How the loss scale of mixed precision changes: as in `dynamicLossScaling`, where not given. */
  readonly lossScaling?: LossScaling
}

type HeldOutBatches = ReadonlyArray<ReadonlyArray<Arrays>>

const evaluationOf = ({ stage, evaluation, metrics }: StagePrograms, batches: HeldOutBatches): Evaluation => ({
  name: 'evaluation',
  source: evaluation,
  outputs: metrics,
  batches,
  report: (results) => stage.report(addedArrays(results), results.length)
})

const judgementOf = (judgement: Judgement | undefined, batches: HeldOutBatches): ReadonlyArray<Evaluation> =>
  judgement === undefined
    ? []
    : [
        {
          name: 'judgement',
          source: judgement.source,
          outputs: judgement.metrics,
          batches,
          report: (results) => judgement.report(addedArrays(results))
        }
      ]

const phaseOf =
  ({ heldOut, corrupted }: TrainingData, judgement: Judgement | undefined) =>
  (programs: StagePrograms): Phase => {
    const { stage, from, step, metrics, learningRateAt } = programs
    return {
      from,
      step,
      metrics,
      report: (sums) => stage.report(sums, 1),
      learningRateAt,
      evaluations: [evaluationOf(programs, heldOut), ...judgementOf(judgement, corrupted)],
      ...(stage.enter === undefined ? {} : { enter: stage.enter })
    }
  }

export const piecesOf = ({ vocabulary, train }: EncodedCorpus): Pieces => ({
  size: vocabulary.pieces.length,
  special: vocabulary.special,
  counts: countPieces(vocabulary.pieces.length)(train.ids)
})

/** Packs the corpus and traces the programs. */
export const pretrainingProblem = ({
  config,
  corpus,
  seed,
  totalSteps,
  precision,
  lossScaling = dynamicLossScaling
}: RunSettings): E.Either<TensorError | InputsError, Problem> => {
  const keys = runKeys(seed)
  const pieces = piecesOf(corpus)
  const objective = objectiveOf(config, pieces)
  return pipe(
    trainingData(config, corpus, keys),
    E.bindTo('data'),
    E.bindW('programs', () =>
      pretrainingPrograms(config, objective, totalSteps, precision === 'mixed' ? lossScaling : undefined)
    ),
    E.map(({ data, programs: { state, initial, stages, judgement } }): Problem => ({
      totalSteps,
      state,
      initial,
      initialKey: keys.parameters,
      phases: stages.map(phaseOf(data, judgement)),
      inputsAt: data.stepAt,
      facts: { unigramEntropy: entropyOfCounts(pieces.counts) },
      examples: data.examples,
      heldOutExamples: data.heldOutExamples
    }))
  )
}
