/**
 * Sentences in which a trained generator has replaced tokens, judged by the discriminator that was trained against it.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { sigmoid, tensor, type Data } from '../tensor/index.js'
import { hostFold } from '../tensor/keys.js'
import { literal, peek, type Literal } from '../tensor/literal.js'
import { attempt } from '../tensor/program/trace.js'
import type { Device } from '../tensor/run/device.js'
import { evaluateTask } from '../tensor/run/evaluate.js'
import type { StepError } from '../tensor/run/step-error.js'
import { equalShapes } from '../tensor/shape.js'
import type { NamedStored } from '../tensor/stored.js'
import type { Words } from '../tensor/threefry.js'
import type { ElectraConfig } from './config/config.js'
import type { Batch } from './data/examples/batches.js'
import { maskBatch } from './data/examples/masking.js'
import type { SpecialIds } from './data/vocabulary/vocabulary.js'
import { paramsFrom } from './model/stored-params.js'
import { sampleTokens } from './objective/corruption.js'
import { jointForward, replacedTokenSpec, type JointParams } from './objective/replaced-token.js'

/** A token of a sentence as the discriminator saw it. */
export type JudgedToken = {
  /** The token that it was shown. */
  readonly id: number
  /** What stood there before; the same where nothing was replaced. */
  readonly original: number
  /** That it was replaced, in the discriminator's opinion. */
  readonly probability: number
}

/** Both networks that stored tensors hold, under the names of a run's state. `Left` is the name of one that does not fit. */
export const jointParamsFrom = (
  config: ElectraConfig,
  vocabSize: number,
  tensors: ReadonlyArray<NamedStored>
): E.Either<string, JointParams<Literal>> => {
  const named = new Map(tensors.map((x) => [x.name, x]))
  return pipe(
    replacedTokenSpec(config, vocabSize),
    paramsFrom((path, shape) => {
      const stored = named.get(path)
      return stored?.dtype === 'F32' && equalShapes(stored.shape, shape)
        ? E.right(literal(shape, 'f32', stored.data))
        : E.left(path)
    })<JointParams<Literal>>
  )
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
 * Masks these sentences as training does, lets the generator replace what is masked, and asks the discriminator about every
 * token, [CLS] and [SEP] left out. At least one sentence; none longer than the model's positions less two.
 */
export const judgedReplacements =
  (device: Device, config: ElectraConfig, params: JointParams<Literal>, special: SpecialIds, key: Words) =>
  (
    sentences: ReadonlyArray<ReadonlyArray<number>>
  ): TE.TaskEither<StepError, ReadonlyArray<ReadonlyArray<JudgedToken>>> => {
    const { maskProbability, replaceProbability, temperature, sampleWithReplacement: withReplacement } = config
    const batch = batchOf(sentences, special)
    const masking = { maskProbability, replaceProbability, withReplacement, special }
    const masked = maskBatch(masking, hostFold(0)(key))(batch)
    const { batchSize, sequenceLength: length } = batch
    const rows = (array: Data) => tensor(array, { shape: [batchSize, array.length / batchSize] })
    const total = (array: ArrayLike<number>) => tensor(Array.from(array).reduce((sum, x) => sum + x, 0))
    return pipe(
      TE.fromEither(
        attempt(() => {
          const sampler = sampleTokens(temperature, tensor(Uint32Array.from(hostFold(1)(key))))
          const { corrupted, discriminatorLogits } = jointForward(config, sampler)(
            params,
            {
              inputIds: rows(batch.inputIds),
              attentionMask: rows(batch.attentionMask),
              tokenTypeIds: rows(batch.tokenTypeIds),
              maskedInputIds: rows(masked.maskedInputIds),
              maskedPositions: rows(masked.maskedPositions),
              maskedIds: rows(masked.maskedIds),
              maskedWeights: rows(masked.maskedWeights)
            },
            { attentionMask: total(batch.attentionMask), maskedWeights: total(masked.maskedWeights) }
          )
          return { ids: corrupted.ids, probabilities: sigmoid(discriminatorLogits) }
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
