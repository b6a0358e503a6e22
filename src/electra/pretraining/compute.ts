/** The arithmetic of a pre-training run: how much it takes, and how long a run a given amount is. */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { TensorError } from '../../tensor/index.js'
import type { ElectraConfig } from '../config/config.js'
import { stepsWithin } from '../flops/budget.js'
import { executedByProgram, executedOnAverage, executedFlops, type Executed } from '../flops/executed.js'
import { networksOf } from '../flops/network.js'
import { runCompute, stepFlopsBy, type Counting, type RunCompute } from '../flops/run-compute.js'
import type { Recipe } from '../flops/training.js'
import type { Objective } from '../objective/objective.js'
import { generatorGrad, pretrainingPrograms, type PretrainingPrograms } from './programs.js'

export type Pretraining = { readonly config: ElectraConfig; readonly objective: Objective }

export const recipeOf = ({ config, objective }: Pretraining, steps: number): Recipe => ({
  networks: networksOf(objective.stages),
  batchSize: config.batchSize,
  steps
})

/** Where the schedule ends: any length makes programs of the same arithmetic. */
const anySteps = 10_000

const programsOf = ({ config, objective }: Pretraining): E.Either<TensorError, PretrainingPrograms> =>
  pretrainingPrograms(config, objective, anySteps)

const executedBySteps = ({ stages }: PretrainingPrograms): Executed =>
  executedOnAverage(stages.map(({ stage: { share }, step }) => ({ share, step })))

/** What a step executes, on average over the stages of a run. Traces its programs, and compiles none. */
export const executedStep = (pretraining: Pretraining): E.Either<TensorError, Executed> =>
  pipe(programsOf(pretraining), E.map(executedBySteps))

/** What of a step a generator takes that is trained in all of them; `undefined` where there is none. */
const executedGenerator = (
  { config, objective: { stages } }: Pretraining,
  { state }: PretrainingPrograms
): E.Either<TensorError, number | undefined> =>
  pipe(
    stages,
    E.traverseArray(generatorGrad(config, state)),
    E.map((programs) =>
      programs.reduce<number | undefined>(
        (sum, program, i) =>
          sum === undefined || program === undefined
            ? undefined
            : sum + stages[i].share * config.shards * executedFlops(executedByProgram(program)),
        0
      )
    )
  )

/** What `steps` steps come to. */
export const computeOf = (pretraining: Pretraining, steps: number): E.Either<TensorError, RunCompute> =>
  pipe(
    programsOf(pretraining),
    E.chain((programs) =>
      pipe(
        executedGenerator(pretraining, programs),
        E.map((generator) =>
          runCompute(recipeOf(pretraining, steps), executedFlops(executedBySteps(programs)), generator)
        )
      )
    )
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
