/**
 * One shard's part of a batch to profile with: of a corpus, or of tokens drawn at random where there is none.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { hostBits, hostFold } from '../../tensor/keys.js'
import type { Words } from '../../tensor/threefry.js'
import type { Arrays } from '../../workers/index.js'
import type { ElectraConfig } from '../config/config.js'
import { gatherBatch, type Batch } from '../data/examples/batches.js'
import type { Corpus } from '../data/corpus/corpus.js'
import { maskBatch } from '../data/examples/masking.js'
import { specialPieces, trainedSpecial as special } from '../data/vocabulary/vocabulary.js'
import { maskingOf, trainingData } from '../pretraining/data.js'
import type { InputsError } from '../training/problem.js'
import type { RunKeys } from '../pretraining/keys.js'
import { shardInputs } from '../pretraining/shards.js'

/** Full examples of two segments, `[CLS] A [SEP] B [SEP]`, of any pieces that stand for text. */
const drawnBatch = ({ batchSize, sequenceLength: length }: ElectraConfig, vocabSize: number, key: Words): Batch => {
  const first = Math.ceil(length / 2)
  const ids = Uint32Array.from(hostBits(batchSize * length)(key), (word, i) => {
    const place = i % length
    if (place === 0) return special.cls
    if (place === first - 1 || place === length - 1) return special.sep
    return specialPieces.length + (word % (vocabSize - specialPieces.length))
  })
  const lengths = new Uint32Array(batchSize).fill(length)
  const firstLengths = new Uint32Array(batchSize).fill(first)
  const examples = { count: batchSize, sequenceLength: length, ids, lengths, firstLengths }
  return gatherBatch(examples, [...lengths.keys()])
}

/**
 * The inputs of the one shard of `config`, in a program's order: those of a run's first step on the corpus, or drawn. Fails
 * where the corpus gives no example, or its batches take more memory than there is.
 */
export const shardToProfile = (
  config: ElectraConfig,
  { corpus, vocabSize }: { readonly corpus: Corpus | undefined; readonly vocabSize: number },
  keys: RunKeys
): E.Either<InputsError, Arrays> => {
  if (corpus !== undefined)
    return pipe(
      trainingData(config, corpus, keys),
      E.map(({ stepAt }) => stepAt(0).shards[0])
    )
  const batch = drawnBatch(config, vocabSize, keys.order)
  const masked = maskBatch(maskingOf(config, { size: vocabSize, special }), keys.masking)(batch)
  return E.right(shardInputs(batch, masked, { special, shards: 1, stepKey: hostFold(0)(keys.steps) })[0])
}
