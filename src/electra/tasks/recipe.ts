/**
 * How a task is learnt: the published recipe as values, chosen by the size of the encoder and by the task.
 *
 * Source: the published code's `configure_finetuning.py`, and the paper's Table 7 where it differs for small models.
 */

import type { ModelConfig } from '../config/config.js'
import type { TaskDefaults } from './task.js'

export type Recipe = {
  readonly learningRate: number
  /** The ratio of learning rates from each layer to the one above it: see `layerwiseDecay`. */
  readonly layerDecay: number
  readonly layerDecayExponent: 'official' | 'plain'
  /** The published code has 0.01, the paper's table 0. */
  readonly weightDecay: number
  /** The share of the steps in which the rate rises. */
  readonly warmup: number
  readonly epochs: number
  readonly batchSize: number
  /** Parts into which a batch is cut, whatever the number of workers. Divides `batchSize`. */
  readonly shards: number
  readonly sequenceLength: number
  /** Of hidden states, attention and the head: as the encoder was pre-trained. One that knew none would be lost with some. */
  readonly dropout: number
}

/** What depends on the encoder's size. */
export type SizeRecipe = Pick<Recipe, 'learningRate' | 'layerDecay'>

/** The code has 1e-4 for `small` too; the paper's table, whose numbers were published, 3e-4. */
export const sizeRecipes = {
  small: { learningRate: 3e-4, layerDecay: 0.8 },
  base: { learningRate: 1e-4, layerDecay: 0.8 },
  large: { learningRate: 5e-5, layerDecay: 0.9 }
} as const satisfies Readonly<Record<string, SizeRecipe>>

/** The published sizes have hidden states of 256, 768 and 1024; others have the recipe of the next smaller one, or of the least. */
export const sizeOf = (hiddenSize: number): keyof typeof sizeRecipes =>
  hiddenSize >= 1024 ? 'large' : hiddenSize >= 768 ? 'base' : 'small'

const common = {
  layerDecayExponent: 'official',
  weightDecay: 0.01,
  warmup: 0.1,
  batchSize: 32
} as const satisfies Partial<Recipe>

/** As many parts as a batch is cut into in pre-training's configurations, where they are equal. */
const shardsOf = (batchSize: number): number => [4, 3, 2].find((n) => batchSize % n === 0) ?? 1

/** What somebody wants otherwise than the recipe has it. */
export type RecipeChanges = { readonly [K in keyof Omit<Recipe, 'warmup' | 'shards'>]?: Recipe[K] | undefined }

/** The recipe for an encoder and a task, with what was asked for in its place: of `changes` nothing else is read. */
export const recipeFor = (
  { hiddenSize, hiddenDropout }: Pick<ModelConfig, 'hiddenSize' | 'hiddenDropout'>,
  defaults: TaskDefaults,
  changes: RecipeChanges = {}
): Recipe => {
  const recipe = { ...common, ...sizeRecipes[sizeOf(hiddenSize)], ...defaults }
  const { batchSize = recipe.batchSize } = changes
  return {
    learningRate: changes.learningRate ?? recipe.learningRate,
    layerDecay: changes.layerDecay ?? recipe.layerDecay,
    layerDecayExponent: changes.layerDecayExponent ?? recipe.layerDecayExponent,
    weightDecay: changes.weightDecay ?? recipe.weightDecay,
    warmup: recipe.warmup,
    epochs: changes.epochs ?? recipe.epochs,
    batchSize,
    shards: shardsOf(batchSize),
    sequenceLength: changes.sequenceLength ?? recipe.sequenceLength,
    dropout: changes.dropout ?? hiddenDropout
  }
}

/** Batches of an epoch: the last one is filled up. */
export const batchesPerEpoch = (examples: number, batchSize: number): number => Math.ceil(examples / batchSize)

/**
 * `floor(floor(padded examples / batch) epochs)` as in the published code, where examples are first padded to a multiple of the
 * batch; one at least.
 */
export const stepsOf = (examples: number, { batchSize, epochs }: Pick<Recipe, 'batchSize' | 'epochs'>): number =>
  Math.max(1, Math.floor(batchesPerEpoch(examples, batchSize) * epochs))
