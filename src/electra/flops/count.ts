/** All that counting says of a recipe: per sequence, per step, per run, and of using what was trained. */

import { forwardCount, published, type Accounting, type ForwardCount } from './forward.js'
import type { Network } from './network.js'
import {
  generatorShare,
  inferenceFlops,
  inferenceLength,
  networkTrainingFlops,
  stepFlops,
  trainingFlops,
  type Recipe
} from './training.js'

export type NetworkCount = {
  readonly role: Network['role']
  readonly layers: number
  /** Of one sequence. */
  readonly forward: ForwardCount
  readonly step: number
  readonly run: number
}

export type RecipeCount = {
  readonly accounting: Accounting
  readonly batchSize: number
  readonly steps: number
  readonly networks: ReadonlyArray<NetworkCount>
  /** Of all networks. */
  readonly step: number
  readonly run: number
  /** From 0 to 1; absent where there is no generator. */
  readonly generatorShare?: number
  /** Of one sequence of so many positions; absent where what was trained is not one network. */
  readonly inference?: { readonly positions: number; readonly flops: number }
}

/** `longest` is the longest sequence that the networks read, where that is less than the paper's inference needs. */
export const countRecipe = (
  recipe: Recipe,
  accounting: Accounting = published,
  longest = inferenceLength
): RecipeCount => {
  const { batchSize, steps, networks } = recipe
  const trained = networks.filter(({ role }) => role !== 'generator')
  const positions = Math.min(inferenceLength, longest)
  return {
    accounting,
    batchSize,
    steps,
    networks: networks.map((network) => ({
      role: network.role,
      layers: network.size.layers,
      forward: forwardCount(network, accounting),
      step: networkTrainingFlops(network, { batchSize, steps: 1 }, accounting),
      run: networkTrainingFlops(network, recipe, accounting)
    })),
    step: stepFlops(recipe, accounting),
    run: trainingFlops(recipe, accounting),
    ...(trained.length === networks.length ? {} : { generatorShare: generatorShare(recipe, accounting) }),
    ...(trained.length === 1
      ? { inference: { positions, flops: inferenceFlops(trained[0], accounting, positions) } }
      : {})
  }
}
