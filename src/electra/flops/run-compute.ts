/** What the arithmetic of a run comes to: by the paper's count, with words looked up, and as it was executed. */

import { published } from './forward.js'
import { generatorShare, stepFlops, trainingFlops, type Recipe } from './training.js'

/** Ways to count: as the paper does, the same with words looked up, or what our programs execute. */
export const countings = ['published', 'sparse', 'executed'] as const

export type Counting = (typeof countings)[number]

export type RunCompute = Readonly<Record<Counting, { readonly step: number; readonly run: number }>> & {
  /**
   * The generator's part of the training, from 0 to 1; absent where there is none. Executed is what its loss and its gradient take,
   * without the update.
   */
  readonly generatorShare?: { readonly published: number; readonly sparse: number; readonly executed?: number }
  /** Examples in a step, where what one takes is of interest. */
  readonly batchSize?: number
}

const sparse = { ...published, sparseLookup: true }

/** Of one step. */
export const stepFlopsBy = (counting: Exclude<Counting, 'executed'>, recipe: Omit<Recipe, 'steps'>): number =>
  stepFlops(recipe, { published, sparse }[counting])

/** `executedStep` is what a step executes, `executedGenerator` what of it the generator takes, where that is known. */
export const runCompute = (recipe: Recipe, executedStep: number, executedGenerator?: number): RunCompute => ({
  published: { step: stepFlops(recipe), run: trainingFlops(recipe) },
  sparse: { step: stepFlops(recipe, sparse), run: trainingFlops(recipe, sparse) },
  executed: { step: executedStep, run: executedStep * recipe.steps },
  ...(recipe.networks.some(({ role }) => role === 'generator')
    ? {
        generatorShare: {
          published: generatorShare(recipe),
          sparse: generatorShare(recipe, sparse),
          ...(executedGenerator === undefined ? {} : { executed: executedGenerator / executedStep })
        }
      }
    : {})
})
