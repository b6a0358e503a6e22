/**
 * All-Tokens MLM: the main network predicts the original of every token, and may say that it is the one it is shown.
 * Clark et al. 2020, section 3.4, https://arxiv.org/abs/2003.10555
 *
 *     P(v) = D 1[v = shown] + (1 - D) p(v),    D = sigmoid(gate),    p = softmax(logits)
 *     L = w_g L_mlm(generator) + sum_t mask (-log P(original)) / (sum_t mask + 1e-6)
 *
 * Gate and logits are heads on the same hidden state. w_g is `generatorWeight`. The paper does not say how the two losses are
 * weighed; both are the same kind of loss, so 1 is natural.
 */

import { pipe } from 'fp-ts/lib/function.js'
import {
  dense,
  denseSpec,
  glorotUniform,
  softmaxCrossEntropy,
  weightedMean,
  weightedSum,
  type Dense,
  type ParameterSpec
} from '../../nn/index.js'
import {
  add,
  argmax,
  cast,
  eq,
  exp,
  gt,
  mul,
  neg,
  sigmoid,
  softplus,
  squeeze,
  stopGradient,
  sub,
  sum,
  where,
  type Tensor
} from '../../tensor/index.js'
import type { Key } from '../../tensor/random.js'
import type { ElectraConfig } from '../config/config.js'
import { networkOf } from '../flops/network.js'
import { tokenLogits } from '../model/generator.js'
import type { Column } from '../training/columns.js'
import type { Denominators, ShardBatch } from './batch.js'
import type { Sampler } from './corrupted-input.js'
import type { Generator } from './generators/generator.js'
import { generatorOf, generatorProblems } from './generators/table.js'
import { mainExports, mainForward, mainSpec, type MainForward, type MainParams } from './main-network.js'
import type { MetricSums, Objective, ObjectiveKind } from './objective.js'
import type { Pieces } from './pieces.js'
import { samplingColumns, samplingStage } from './sampling-stage.js'

export type AllTokensParams<A = Tensor> = MainParams<A> & {
  readonly main: {
    /** Width h to 1. No part of a model file: other code has no such head. */
    readonly copy_gate: Dense<A>
  }
}

export const allTokensSpec = (
  config: Pick<ElectraConfig, 'model'>,
  generator: Generator,
  vocabSize: number
): AllTokensParams<ParameterSpec> => {
  const { main, ...rest } = mainSpec(config, generator, vocabSize)
  return {
    ...rest,
    main: { ...main, copy_gate: denseSpec({ inputs: config.model.hiddenSize, outputs: 1 }, glorotUniform) }
  }
}

/** What the main network says of each token. */
export type Gated = {
  /** Of copying: D is its sigmoid `[...s]`. */
  readonly gate: Tensor
  /** `[...s, V]`. */
  readonly logits: Tensor
}

/**
 * `-log(D 1[original = shown] + (1 - D) p(original))` for each token, without a difference of nearly equal numbers:
 *
 *     copied:    -log(exp(a) + exp(b)),    a = log D = -softplus(-gate),    b = log(1 - D) + log p
 *     replaced:  -log(1 - D) - log p = softplus(gate) + CE
 *
 * Shapes: shown and originals `[...s]`, i32; result `[...s]`, nats, f32.
 */
export const copyGateCrossEntropy =
  (shown: Tensor, originals: Tensor) =>
  ({ gate, logits }: Gated): Tensor => {
    const replaced = pipe(logits, softmaxCrossEntropy(originals), add(softplus(gate)))
    const [a, b] = [pipe(gate, neg, softplus, neg), neg(replaced)]
    const isLarger = gt(b)(a)
    const [larger, smaller] = [where(isLarger, b)(a), where(isLarger, a)(b)]
    const copied = pipe(smaller, sub(larger), softplus, add(larger), neg)
    return pipe(copied, where(eq(originals)(shown), replaced))
  }

/** The most probable token of P: what is shown where `D + (1 - D) p(shown)` is at least any other `(1 - D) p(v)`. i32. */
export const mostProbable =
  (shown: Tensor) =>
  ({ gate, logits }: Gated): Tensor => {
    const best = argmax(-1)(logits)
    const kept = sigmoid(neg(gate))
    const shownShare = pipe(logits, softmaxCrossEntropy(shown), neg, exp, mul(kept), add(sigmoid(gate)))
    const bestShare = pipe(logits, softmaxCrossEntropy(best), neg, exp, mul(kept))
    return pipe(best, where(gt(shownShare)(bestShare), shown))
  }

export type AllTokensForward = MainForward &
  Gated & {
    /** Of each token `[b, L]`. */
    readonly losses: Tensor
    readonly mainLoss: Tensor
    readonly loss: Tensor
  }

/** Without a key nothing is dropped. */
export const allTokensForward =
  (config: Pick<ElectraConfig, 'model' | 'generatorWeight'>, generator: Generator, sampler: Sampler) =>
  (params: AllTokensParams, batch: ShardBatch, denominators: Denominators, dropoutKey?: Key): AllTokensForward => {
    const { main } = params
    const forward = mainForward(config, generator, sampler)(params, batch, denominators, dropoutKey)
    const gated = {
      gate: pipe(forward.hidden, dense(main.copy_gate), squeeze(-1)),
      logits: tokenLogits(config.model.layerNormEps)(main, main.electra.embeddings)(forward.hidden)
    }
    const losses = copyGateCrossEntropy(forward.corrupted.ids, batch.inputIds)(gated)
    const mainLoss = pipe(losses, weightedMean(cast('f32')(batch.attentionMask), denominators.attentionMask))
    const loss = pipe(forward.proposal.loss, mul(config.generatorWeight), add(mainLoss))
    return { ...forward, ...gated, losses, mainLoss, loss }
  }

const mainMetrics = (batch: ShardBatch, forward: AllTokensForward): MetricSums => {
  const real = cast('f32')(batch.attentionMask)
  const { ids, labels } = forward.corrupted
  const [gate, logits] = [stopGradient(forward.gate), stopGradient(forward.logits)]
  const hits = pipe({ gate, logits }, mostProbable(ids), eq(batch.inputIds), cast('f32'))
  return {
    allTokensMlmLoss: stopGradient(forward.mainLoss),
    tokens: sum()(real),
    allTokensMlmHits: weightedSum(real)(hits),
    replacedTokens: weightedSum(real)(labels),
    restoredTokens: weightedSum(mul(labels)(real))(hits),
    copyProbability: weightedSum(real)(sigmoid(gate))
  }
}

const mainColumns: ReadonlyArray<Column> = [
  {
    name: 'allTokensMlmLoss',
    meaning: "The main network's mean cross-entropy of the original of every real token, in nats.",
    better: 'down',
    digits: 3,
    label: 'all-tokens-MLM loss',
    bar: { label: 'main', digits: 3 }
  },
  {
    name: 'allTokensMlmAccuracy',
    meaning: 'Share of the real tokens whose most probable original is the right one.',
    better: 'up',
    digits: 3,
    label: 'all-tokens-MLM accuracy',
    bar: { label: 'acc', digits: 3 },
    // What always copies is right wherever nothing was replaced.
    baselines: ({ replacedRate }) => ({ noContext: 1 - replacedRate })
  },
  {
    name: 'restoredRate',
    meaning: 'Share of the replaced tokens whose most probable original is the right one.',
    better: 'up',
    digits: 3,
    label: 'replaced tokens restored',
    bar: { label: 'restored', digits: 3 },
    baselines: () => ({ noContext: 0 })
  },
  {
    name: 'copyProbability',
    meaning: 'Mean probability of the copy gate over the real tokens.',
    better: 'neither',
    digits: 3
  },
  {
    name: 'replacedRate',
    meaning: 'Share of the real tokens that were replaced by another one.',
    better: 'neither',
    digits: 4
  }
]

export const allTokensMlmObjective = (config: ElectraConfig, pieces: Pieces): Objective => {
  const generator = generatorOf(config, pieces)
  return {
    parameters: allTokensSpec(config, generator, pieces.size),
    columns: samplingColumns(generator, mainColumns),
    exports: mainExports(config, generator),
    stages: [
      {
        share: 1,
        ...samplingStage(config, generator, {
          forward: (sampler) => allTokensForward(config, generator, sampler),
          metrics: mainMetrics,
          report: (sums, batches) => ({
            allTokensMlmLoss: sums.allTokensMlmLoss[0] / batches,
            allTokensMlmAccuracy: sums.allTokensMlmHits[0] / sums.tokens[0],
            restoredRate: sums.restoredTokens[0] / sums.replacedTokens[0],
            copyProbability: sums.copyProbability[0] / sums.tokens[0],
            replacedRate: sums.replacedTokens[0] / sums.tokens[0]
          })
        }),
        networks: [
          networkOf(config, pieces)(
            'model',
            config.model,
            { kind: 'softmax', at: 'all' },
            { kind: 'logit', at: 'all' }
          ),
          ...generator.networks(config.sequenceLength)
        ]
      }
    ]
  }
}

export const allTokensMlm: ObjectiveKind = {
  about:
    'All-Tokens MLM: every original from the corrupted tokens, with a gate for copying; Clark et al. 2020, section 3.4',
  generator: 'own sizes',
  problems: generatorProblems,
  make: allTokensMlmObjective
}
