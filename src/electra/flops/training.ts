/**
 * Floating-point operations of a step, of a run, and of using what was trained, by the paper's rules: see `forward.ts`.
 *
 * The backward pass counts as much as the forward one (programs take twice as much: `executed.ts`), and the optimizer nothing.
 */

import { forwardCount, published, type Accounting } from './forward.js'
import type { Network } from './network.js'

/** What is trained for how long. */
export type Recipe = {
  readonly networks: ReadonlyArray<Network>
  /** Sequences in a step. */
  readonly batchSize: number
  readonly steps: number
}

/** `2 B T (l block + embeddings + outputs)`, multiplied from left to right. */
export const networkTrainingFlops = (
  network: Network,
  { batchSize, steps }: Pick<Recipe, 'batchSize' | 'steps'>,
  accounting: Accounting = published
): number => (network.passes ?? 2) * batchSize * steps * forwardCount(network, accounting).total

/** Of all networks. Rounded as the official script rounds: once a network, and once where they are added. */
export const trainingFlops = (recipe: Recipe, accounting: Accounting = published): number =>
  recipe.networks.reduce((sum, network) => sum + networkTrainingFlops(network, recipe, accounting), 0)

/** Of one step. */
export const stepFlops = (recipe: Omit<Recipe, 'steps'>, accounting: Accounting = published): number =>
  trainingFlops({ ...recipe, steps: 1 }, accounting)

/** The part of the training that goes into generators, which are thrown away: from 0 to 1. */
export const generatorShare = (recipe: Omit<Recipe, 'steps'>, accounting: Accounting = published): number => {
  const generators = recipe.networks.filter(({ role }) => role === 'generator')
  return stepFlops({ ...recipe, networks: generators }, accounting) / stepFlops(recipe, accounting)
}

/** How long the sequence is on which the paper counts inference. */
export const inferenceLength = 128

/**
 * The network with a binary output at every position, whatever it was trained with, on one sequence of so many tokens: what the
 * paper counts for inference, of a generator as of a discriminator.
 */
export const inferenceFlops = (
  network: Network,
  accounting: Accounting = published,
  positions = inferenceLength
): number => forwardCount({ ...network, positions, outputs: [{ kind: 'binary', at: 'all' }] }, accounting).total
