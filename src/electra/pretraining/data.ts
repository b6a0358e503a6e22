/**
 * From a corpus to the inputs of steps: examples of the configuration's length, in the order of the run's keys.
 */

import * as E from 'fp-ts/lib/Either.js'
import { hostFold } from '../../tensor/keys.js'
import type { Words } from '../../tensor/threefry.js'
import type { Arrays } from '../../workers/index.js'
import type { ElectraConfig } from '../config/config.js'
import { batchStream, gatherBatch, type Batch } from '../data/examples/batches.js'
import type { EncodedCorpus } from '../data/encoded-corpus.js'
import { keyedCoins, packExamples, type Examples } from '../data/examples/examples.js'
import { corruptText, countPieces } from '../data/examples/fixed-corruption.js'
import { maskBatch, type MaskingOptions } from '../data/examples/masking.js'
import { cutRunningText } from '../data/examples/running-text.js'
import type { Sentences } from '../data/sentences.js'
import type { Pieces } from '../objective/pieces.js'
import type { InputsError, StepInputs } from '../training/problem.js'
import { availableMemory, checkBatches } from './batch-memory.js'
import { fixedCorruptionKey, type RunKeys } from './keys.js'
import { corruptedInputs, shardInputs } from './shards.js'

export type TrainingData = {
  /** How many examples there are to train on; at least one. */
  readonly examples: number
  readonly heldOutExamples: number
  /** The shards of step n, for any n: nothing before it has to be replayed. */
  readonly stepAt: (n: number) => StepInputs
  /** The shards of the held-out batches, the same at every call; none where nothing is held out. */
  readonly heldOut: ReadonlyArray<ReadonlyArray<Arrays>>
  /** The shards of held-out batches in which tokens were replaced, the same in every run on this corpus. */
  readonly corrupted: ReadonlyArray<ReadonlyArray<Arrays>>
}

const countReal = ({ attentionMask }: Batch): number => attentionMask.reduce((n, real) => n + real, 0)

/** The share of tokens that the fixed corruption draws anew: as many as the published recipe masks. */
const corruptionRate = 0.15

const evaluationsOf = ({ training, batchSize }: ElectraConfig, examples: number): number =>
  Math.min(training.evaluationBatches, Math.ceil(examples / batchSize))

/** Batches of `examples` that an evaluation reads: each example once, and the first ones again to fill the last batch. */
const evaluationOrder = (
  config: ElectraConfig,
  examples: Examples,
  key: Words
): ReadonlyArray<ReadonlyArray<number>> => {
  const batches = evaluationsOf(config, examples.count)
  if (batches === 0) return []
  const { indicesAt } = batchStream({ examples, batchSize: config.batchSize, key })
  return Array.from({ length: batches }, (_, n) => indicesAt(n))
}

/** How a configuration masks. */
export const maskingOf = (
  { maskProbability, replaceProbability, randomProbability = 0, sampleWithReplacement }: ElectraConfig,
  { size, special }: Pick<Pieces, 'size' | 'special'>
): MaskingOptions => ({
  maskProbability,
  replaceProbability,
  ...(randomProbability === 0 ? {} : { random: { probability: randomProbability, vocabSize: size } }),
  withReplacement: sampleWithReplacement,
  special
})

/**
 * Packs both splits and orders the batches. An evaluation has at most `config.training.evaluationBatches` batches, each
 * of the training batch's size, so that the same programs serve; few held-out examples are then read more than once.
 * Fails with `BatchesTooLarge` where the batches take more than `available` bytes.
 */
export const trainingData = (
  config: ElectraConfig,
  { vocabulary: { pieces, special }, train, heldOut }: EncodedCorpus,
  keys: RunKeys,
  available = availableMemory()
): E.Either<InputsError, TrainingData> => {
  const { sequenceLength, batchSize, shards } = config
  const packed: (sentences: Sentences) => Examples =
    config.packing === 'running'
      ? cutRunningText({ sequenceLength, special })
      : packExamples({ sequenceLength, special, coins: keyedCoins(keys.packing) })
  const masking = maskingOf(config, { size: pieces.length, special })
  const inputsOf = (batch: Batch, maskKey: Words, stepKey: Words): StepInputs => ({
    shards: shardInputs(batch, maskBatch(masking, maskKey)(batch), { special, shards, stepKey }),
    tokens: countReal(batch)
  })

  // A document gives a row or more, so this many at least.
  const atLeast = checkBatches(config, evaluationsOf(config, heldOut.documentEnds.length), available)
  if (E.isLeft(atLeast)) return atLeast
  const examples = packed(train)
  if (examples.count === 0) return E.left({ _tag: 'NoExamples' })
  const stream = batchStream({ examples, batchSize, key: keys.order })
  const unseen = packed(heldOut)
  const fits = checkBatches(config, evaluationsOf(config, unseen.count), available)
  if (E.isLeft(fits)) return fits
  const counts = countPieces(pieces.length)(train.ids)
  // Packing looks at lengths only, so the corrupted text falls into the same rows.
  const corrupted = packed(corruptText({ counts, rate: corruptionRate, key: fixedCorruptionKey })(heldOut))
  const [maskKey, evaluationKey] = [hostFold(0)(keys.heldOut), hostFold(1)(keys.heldOut)]
  return E.right({
    examples: examples.count,
    heldOutExamples: unseen.count,
    stepAt: (n) => inputsOf(stream.at(n), hostFold(n)(keys.masking), hostFold(n)(keys.steps)),
    heldOut: evaluationOrder(config, unseen, hostFold(2)(keys.heldOut)).map(
      (indices, n) => inputsOf(gatherBatch(unseen, indices), hostFold(n)(maskKey), hostFold(n)(evaluationKey)).shards
    ),
    corrupted: evaluationOrder(config, unseen, fixedCorruptionKey).map((indices) =>
      corruptedInputs(gatherBatch(unseen, indices), gatherBatch(corrupted, indices), shards)
    )
  })
}
