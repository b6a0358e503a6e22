/** The arithmetic of a trial: of a step, and of all. */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { executedByStep, executedFlops } from '../flops/executed.js'
import { networkOf } from '../flops/network.js'
import { runCompute, type RunCompute } from '../flops/run-compute.js'
import { fineTuningProblem, type FineTuningError } from './problem.js'
import { settingsOf, type Trial } from './finetune.js'

/**
 * By the paper's count, which knows no heads of tasks: of the encoder alone, on rows as long as they are with their padding. What is
 * executed has the head, too. Evaluations are in neither.
 */
export const trialCompute = (trial: Trial): E.Either<FineTuningError, RunCompute> => {
  const { recipe, network } = trial
  const { sequenceLength, batchSize } = recipe
  return pipe(
    fineTuningProblem(settingsOf(trial), []),
    E.map(({ totalSteps: steps, phases: [{ step }] }) => {
      const encoder = networkOf({ model: network, sequenceLength }, { size: network.vocabSize })('model', network)
      const counted = runCompute({ networks: [encoder], batchSize, steps }, executedFlops(executedByStep(step)))
      return { ...counted, batchSize }
    })
  )
}
