/**
 * The two-tower cloze model: every token from all others, in one pass.
 *
 * Two encoders of the generator's size read the text as it is, one from left to right, one from right to left, each with a
 * projection of its own. Token t is predicted from the left one's state at t - 1 and the right one's at t + 1. Where there is
 * no such token, padding counted as none, zeros stand for its state; the published code rolls the states around instead, so
 * that a first token is predicted from states that have seen it.
 *
 *     c_t = [left_(t-1); right_(t+1)],    logits_t = LayerNorm(gelu(c_t W + b)) Word^T + bias
 *
 * Clark et al. 2020, Pre-Training Transformers as Energy-Based Cloze Models, section 3; the published code's
 * `two_tower_generator`.
 */

import { pipe } from 'fp-ts/lib/function.js'
import {
  categoricalHits,
  dense,
  denseSpec,
  foldName,
  gelu,
  layerNorm,
  layerNormSpec,
  parameter,
  softmaxCrossEntropy,
  truncatedNormal,
  weightedMean,
  weightedSum,
  zeros as zerosInitialiser,
  type Dense,
  type LayerNorm,
  type ParameterSpec
} from '../../../nn/index.js'
import {
  add,
  cast,
  concat,
  dotGeneral,
  expandDims,
  mul,
  ne,
  ones,
  slice,
  stopGradient,
  sum,
  tril,
  triu,
  zeros,
  type Tensor
} from '../../../tensor/index.js'
import type { Key } from '../../../tensor/random.js'
import type { SpecialIds } from '../../data/vocabulary/vocabulary.js'
import { networkOf } from '../../flops/network.js'
import { bodySpec, embeddingsSpec, encode, type Body, type BodySize, type Embeddings } from '../../model/body.js'

import type { Column } from '../../training/columns.js'
import type { ShardBatch } from '../batch.js'
import { uniformEntropy } from '../entropy.js'
import type { GeneratorMaker, GeneratorSettings } from './generator.js'
import { gatherPositions } from '../../model/positions.js'

export type TwoTowers<A = Tensor> = {
  readonly generator_ltr: Body<A>
  readonly generator_rtl: Body<A>
  /** The output weight is the word embedding table. */
  readonly cloze_predictions: { readonly dense: Dense<A>; readonly LayerNorm: LayerNorm<A>; readonly bias: A }
  /** Only where the main network's are not read. */
  readonly embeddings?: Embeddings<A>
}

type Sizes = Pick<GeneratorSettings, 'model' | 'generator' | 'sharing'>

/** Beside embeddings of the main network's width, or of their own, which are as wide as the towers. */
const sizeOf = ({ model, generator, sharing }: Sizes): BodySize => ({
  ...generator,
  embeddingSize: sharing === 'none' ? generator.hiddenSize : model.embeddingSize
})

const twoTowersSpec = (settings: Sizes, vocabSize: number): TwoTowers<ParameterSpec> => {
  const { model, sharing } = settings
  const std = model.initializerRange
  const size = sizeOf(settings)
  const body = bodySpec(size, model, std)
  return {
    generator_ltr: body,
    generator_rtl: body,
    cloze_predictions: {
      dense: denseSpec({ inputs: 2 * size.hiddenSize, outputs: size.embeddingSize }, truncatedNormal(std)),
      LayerNorm: layerNormSpec(size.embeddingSize),
      bias: parameter([vocabSize], zerosInitialiser)
    },
    ...(sharing === 'none' ? { embeddings: embeddingsSpec(size, model, vocabSize, std) } : {})
  }
}

type Text = Pick<ShardBatch, 'inputIds' | 'attentionMask' | 'tokenTypeIds'>

/** Logits of every token given all others: `[b, L, V]`. Without a key nothing is dropped. */
export const predictEveryToken =
  ({ model, generator }: Pick<GeneratorSettings, 'model' | 'generator'>, key: Key | undefined) =>
  (
    params: TwoTowers,
    embeddings: Embeddings,
    { inputIds: ids, attentionMask: mask, tokenTypeIds: types }: Text
  ): Tensor => {
    const [batch, length] = ids.shape
    const square = ones([length, length])
    const tower = (name: 'generator_ltr' | 'generator_rtl', pairMask: Tensor): Tensor => {
      const drops = key === undefined ? undefined : foldName(name)(key)
      return encode(model, generator.heads, drops)(embeddings, params[name])({ ids, mask, types, pairMask }).final
    }
    const left = tower('generator_ltr', tril()(square))
    const right = pipe(tower('generator_rtl', triu()(square)), mul(pipe(mask, cast('f32'), expandDims(-1))))
    const none = zeros([batch, 1, generator.hiddenSize])
    const { dense: projection, LayerNorm, bias } = params.cloze_predictions
    return pipe(
      concat(-1)([
        concat(1)([none, slice([null, [0, length - 1]])(left)]),
        concat(1)([slice([null, [1, length]])(right), none])
      ]),
      dense(projection),
      gelu,
      layerNorm({ eps: model.layerNormEps })(LayerNorm),
      dotGeneral({ contract: { left: [-1], right: [1] } }, embeddings.word_embeddings.weight),
      add(bias)
    )
  }

/** 1 for a real token that is none of [CLS], [SEP] and [MASK], else 0 `[b, L]`, f32. */
const candidatesOf = ({ inputIds, attentionMask }: Text, { cls, sep, mask }: SpecialIds): Tensor =>
  [cls, sep, mask].reduce(
    (candidates, id) => pipe(inputIds, ne(id), cast('f32'), mul(candidates)),
    cast('f32')(attentionMask)
  )

const columnsOf = (vocabSize: number): ReadonlyArray<Column> => [
  {
    name: 'clozeLoss',
    meaning: 'Mean cross-entropy of every token but special ones, given all others, in nats.',
    better: 'down',
    digits: 3,
    label: 'cloze loss',
    bar: { label: 'cloze', digits: 2 },
    baselines: (_, { unigramEntropy }) => ({ noContext: unigramEntropy, chance: uniformEntropy(vocabSize) })
  },
  {
    name: 'clozeAccuracy',
    meaning: 'Share of those tokens that are the most probable ones, given all others.',
    better: 'up',
    digits: 3
  }
]

export const twoTowerGenerator: GeneratorMaker = {
  about:
    "two causal encoders, which predict every token from all others; Electric's, Clark et al. 2020 (EMNLP), section 3",
  problems: ({ sharing }) =>
    sharing === 'all'
      ? [
          {
            path: 'sharing',
            found: "'all'",
            expected: "'embeddings' or 'none': two towers cannot be the main network itself"
          }
        ]
      : [],
  make: (settings, { size: vocabSize, special }) => ({
    networks: (sequenceLength) => {
      const size = sizeOf(settings)
      const network = networkOf({ model: settings.model, sequenceLength }, { size: vocabSize })
      return [
        network('generator', size, { kind: 'softmax', at: 'all', reads: 2 * size.hiddenSize }),
        network('generator', size)
      ]
    },
    parameters: twoTowersSpec(settings, vocabSize),
    columns: columnsOf(vocabSize),
    report: (sums, batches) => ({
      clozeLoss: sums.clozeLoss[0] / batches,
      clozeAccuracy: sums.clozeHits[0] / sums.clozeTokens[0]
    }),
    propose: ({ main, generator }, batch, denominators, dropoutKey) => {
      const towers = generator as TwoTowers
      const embeddings = towers.embeddings ?? main.electra.embeddings
      const everywhere = predictEveryToken(settings, dropoutKey)(towers, embeddings, batch)
      const candidates = candidatesOf(batch, special)
      const loss = pipe(
        everywhere,
        softmaxCrossEntropy(batch.inputIds),
        weightedMean(candidates, denominators.candidates)
      )
      return {
        logits: gatherPositions(batch.maskedPositions)(everywhere),
        loss,
        metrics: {
          clozeLoss: stopGradient(loss),
          clozeTokens: sum()(candidates),
          clozeHits: pipe(stopGradient(everywhere), categoricalHits(batch.inputIds), weightedSum(candidates)),
          maskedTokens: sum()(batch.maskedWeights)
        },
        everywhere
      }
    }
  })
}
