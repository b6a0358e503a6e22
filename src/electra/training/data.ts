/**
 * From a corpus to the inputs of steps: examples of the configuration's length, in the order of the run's keys.
 */

import * as E from 'fp-ts/lib/Either.js'
import { hostFold } from '../../tensor/keys.js'
import type { Words } from '../../tensor/threefry.js'
import type { Arrays } from '../../workers/index.js'
import type { ElectraConfig } from '../config.js'
import { batchStream, type Batch } from '../data/batches.js'
import type { EncodedCorpus } from '../data/encoded-corpus.js'
import { keyedCoins, packExamples, type Examples } from '../data/examples.js'
import { maskBatch } from '../data/masking.js'
import type { Sentences } from '../data/sentences.js'
import type { RunKeys } from './keys.js'
import { shardInputs } from './shards.js'

export type TrainingData = {
  /** How many examples there are to train on; at least one. */
  readonly examples: number
  readonly heldOutExamples: number
  /** The shards of step n, for any n: nothing before it has to be replayed. */
  readonly stepAt: (n: number) => StepInputs
  /** The shards of the held-out batches, the same at every call; none where nothing is held out. */
  readonly heldOut: ReadonlyArray<ReadonlyArray<Arrays>>
}

export type StepInputs = {
  readonly shards: ReadonlyArray<Arrays>
  /** Tokens of the batch that are not padding. */
  readonly tokens: number
}

/** There is no sentence to train on. */
export type NoExamples = { readonly _tag: 'NoExamples' }

const countReal = ({ attentionMask }: Batch): number => attentionMask.reduce((n, real) => n + real, 0)

/**
 * Packs both splits and orders the batches. An evaluation has at most `config.training.evaluationBatches` batches, each
 * of the training batch's size, so that the same programs serve; few held-out examples are then read more than once.
 */
export const trainingData = (
  config: ElectraConfig,
  { vocabulary: { special }, train, heldOut }: EncodedCorpus,
  keys: RunKeys
): E.Either<NoExamples, TrainingData> => {
  const { sequenceLength, batchSize, shards, maskProbability, replaceProbability } = config
  const packed = (sentences: Sentences): Examples =>
    packExamples({ sequenceLength, special, coins: keyedCoins(keys.packing) })(sentences)
  const masking = { maskProbability, replaceProbability, withReplacement: config.sampleWithReplacement, special }
  const inputsOf = (batch: Batch, maskKey: Words, stepKey: Words): StepInputs => ({
    shards: shardInputs(batch, maskBatch(masking, maskKey)(batch), shards, stepKey),
    tokens: countReal(batch)
  })

  const examples = packed(train)
  if (examples.count === 0) return E.left({ _tag: 'NoExamples' })
  const stream = batchStream({ examples, batchSize, key: keys.order })
  const unseen = packed(heldOut)
  const heldOutBatches = Math.min(config.training.evaluationBatches, Math.ceil(unseen.count / batchSize))
  const [maskKey, evaluationKey] = [hostFold(0)(keys.heldOut), hostFold(1)(keys.heldOut)]
  const order =
    heldOutBatches === 0 ? undefined : batchStream({ examples: unseen, batchSize, key: hostFold(2)(keys.heldOut) })
  return E.right({
    examples: examples.count,
    heldOutExamples: unseen.count,
    stepAt: (n) => inputsOf(stream.at(n), hostFold(n)(keys.masking), hostFold(n)(keys.steps)),
    heldOut:
      order === undefined
        ? []
        : Array.from(
            { length: heldOutBatches },
            (_, n) => inputsOf(order.at(n), hostFold(n)(maskKey), hostFold(n)(evaluationKey)).shards
          )
  })
}
