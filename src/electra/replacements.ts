/**
 * Sentences in which a trained generator has replaced tokens, judged by the discriminator that was trained against it.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Params } from '../nn/index.js'
import { sigmoid, tensor } from '../tensor/index.js'
import { hostFold } from '../tensor/keys.js'
import { peek } from '../tensor/literal.js'
import { attempt } from '../tensor/program/trace.js'
import type { Device } from '../tensor/run/device.js'
import { evaluateTask } from '../tensor/run/evaluate.js'
import type { StepError } from '../tensor/run/step-error.js'
import type { Words } from '../tensor/threefry.js'
import type { ElectraConfig } from './config/config.js'
import type { Batch } from './data/examples/batches.js'
import { maskBatch } from './data/examples/masking.js'
import type { SpecialIds } from './data/vocabulary/vocabulary.js'
import type { Objective } from './objective/objective.js'
import type { Pieces } from './objective/pieces.js'
import { maskingOf } from './pretraining/data.js'
import { shardTensors } from './pretraining/shards.js'

/** A token of a sentence as the discriminator saw it. */
export type JudgedToken = {
  /** The token that it was shown. */
  readonly id: number
  /** What stood there before; the same where nothing was replaced. */
  readonly original: number
  /** That it was replaced, in the discriminator's opinion. */
  readonly probability: number
}

/** As many rows of a batch as there are sentences: `[CLS] sentence [SEP]`, padded to the longest. */
const batchOf = (sentences: ReadonlyArray<ReadonlyArray<number>>, { cls, sep }: SpecialIds): Batch => {
  const sequenceLength = 2 + Math.max(...sentences.map((ids) => ids.length))
  const size = sentences.length * sequenceLength
  const batch = {
    batchSize: sentences.length,
    sequenceLength,
    inputIds: new Int32Array(size),
    attentionMask: new Int32Array(size),
    tokenTypeIds: new Int32Array(size)
  }
  sentences.forEach((ids, row) => {
    batch.inputIds.set([cls, ...ids, sep], row * sequenceLength)
    batch.attentionMask.fill(1, row * sequenceLength, row * sequenceLength + ids.length + 2)
  })
  return batch
}

/**
 * Masks these sentences as training does, lets the objective replace what is masked, and asks its discriminator about every
 * token, [CLS] and [SEP] left out. At least one sentence; none longer than the model's positions less two.
 */
export const judgedReplacements =
  (
    device: Device,
    config: ElectraConfig,
    judged: NonNullable<Objective['judged']>,
    params: Params,
    pieces: Pick<Pieces, 'size' | 'special'>,
    key: Words
  ) =>
  (
    sentences: ReadonlyArray<ReadonlyArray<number>>
  ): TE.TaskEither<StepError, ReadonlyArray<ReadonlyArray<JudgedToken>>> => {
    const { special } = pieces
    const batch = batchOf(sentences, special)
    const masked = maskBatch(maskingOf(config, pieces), hostFold(0)(key))(batch)
    const { sequenceLength: length } = batch
    const shard = shardTensors(batch, masked, special)
    return pipe(
      TE.fromEither(
        attempt(() => {
          const { ids, logits } = judged(
            params,
            shard.batch,
            shard.denominators,
            tensor(Uint32Array.from(hostFold(1)(key)))
          )
          return { ids, probabilities: sigmoid(logits) }
        })
      ),
      TE.chainW(evaluateTask(device)),
      TE.map(({ ids, probabilities }) => {
        const [shown, suspected] = [peek(ids), peek(probabilities)]
        return sentences.map((sentence, row) =>
          sentence.map((original, i) => {
            const at = row * length + 1 + i
            return { id: shown[at], original, probability: suspected[at] }
          })
        )
      })
    )
  }
