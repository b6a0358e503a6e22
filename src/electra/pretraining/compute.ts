/** The arithmetic of a pre-training run: how much it takes, and how long a run a given amount is. */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { TensorError } from '../../tensor/index.js'
import type { ElectraConfig } from '../config/config.js'
import { stepsWithin } from '../flops/budget.js'
import { executedOnAverage, executedFlops, type Executed } from '../flops/executed.js'
import { networksOf } from '../flops/network.js'
import { runCompute, stepFlopsBy, type Counting, type RunCompute } from '../flops/run-compute.js'
import type { Recipe } from '../flops/training.js'
import type { Objective } from '../objective/objective.js'
import { pretrainingPrograms } from './programs.js'

export type Pretraining = { readonly config: ElectraConfig; readonly objective: Objective }

export const recipeOf = ({ config, objective }: Pretraining, steps: number): Recipe => ({
  networks: networksOf(objective.stages),
  batchSize: config.batchSize,
  steps
})

/** Where the schedule ends: any length makes programs of the same arithmetic. */
const anySteps = 10_000

/** What a step executes, on average over the stages of a run. Traces its programs, and compiles none. */
export const executedStep = ({ config, objective }: Pretraining): E.Either<TensorError, Executed> =>
  pipe(
    pretrainingPrograms(config, objective, anySteps),
    E.map(({ stages }) => executedOnAverage(stages.map(({ stage: { share }, step }) => ({ share, step }))))
  )

/** What `steps` steps come to. */
export const computeOf = (pretraining: Pretraining, steps: number): E.Either<TensorError, RunCompute> =>
  pipe(
    executedStep(pretraining),
    E.map((executed) => runCompute(recipeOf(pretraining, steps), executedFlops(executed)))
  )

/** A run of no more than so many operations. */
export type Affordable = {
  /** 0 where one takes more. */
  readonly steps: number
  readonly flopsPerStep: number
}

export const affordable = (
  pretraining: Pretraining,
  budget: number,
  counting: Counting
): E.Either<TensorError, Affordable> =>
  pipe(
    counting === 'executed'
      ? pipe(executedStep(pretraining), E.map(executedFlops))
      : E.right(stepFlopsBy(counting, recipeOf(pretraining, 1))),
    E.map((flopsPerStep) => ({ flopsPerStep, steps: stepsWithin(budget, flopsPerStep) }))
  )
