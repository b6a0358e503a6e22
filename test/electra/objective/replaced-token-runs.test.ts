/** Training and evaluation: what is drawn, which keys decide it, and where training starts. */

import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import type { ElectraConfig } from '../../../src/electra/config/config.js'
import { objectiveOf } from '../../../src/electra/objective/table.js'
import {
  denominatorsSpec,
  shardBatchSpec,
  type Denominators,
  type ShardBatch
} from '../../../src/electra/objective/batch.js'
import type { ForwardMode } from '../../../src/electra/objective/objective.js'
import { shardGradOf } from '../../../src/electra/pretraining/programs.js'
import { initialise, isParameterSpec, type ParameterSpec, type Params } from '../../../src/nn/index.js'
import { random, spec, trace, type Shape, type Tensor } from '../../../src/tensor/index.js'
import { mapTree } from '../../../src/tensor/tree.js'
import { right } from '../data/right.js'
import { batchOf, computed, configOf, denominatorsOf, given, numbersByPath, scattered, vocabSize } from './cases.js'
import { drawnPieces } from '../../../src/electra/objective/pieces.js'

const config = configOf()
const slots = 2
const { batchSize: b, sequenceLength: length, model, generator } = config

const placeholders = (of: ElectraConfig): Params => {
  const placed: unknown = mapTree<ParameterSpec, unknown, Tensor>(
    isParameterSpec,
    ({ shape }) => spec(shape),
    objectiveOf(of, drawnPieces(vocabSize)).parameters
  )
  return placed as Params
}

type Mode = 'training' | 'evaluation' | 'gradient'

/** The shapes of the random words in a program, but for the two of a folded key: sorted. */
const draws = (of: ElectraConfig, mode: Mode): ReadonlyArray<string> => {
  const objective = objectiveOf(of, drawnPieces(vocabSize))
  const traced = trace(
    (params: Params, batch: ShardBatch, denominators: Denominators, key: ForwardMode['key']): unknown =>
      mode === 'gradient'
        ? shardGradOf(objective.stages[0])(params, batch, denominators, key)
        : objective.stages[0].shardLoss(params, batch, denominators, { training: mode === 'training', key })
  )(placeholders(of), shardBatchSpec(b, length, slots), denominatorsSpec, spec([2], 'u32'))
  return right(traced)
    .program.instructions.filter(({ op }) => op._tag === 'randomBits')
    .map(({ shape }) => shape.join('x'))
    .filter((shape) => shape !== '2')
    .sort()
}

const sorted = (shapes: ReadonlyArray<Shape>): ReadonlyArray<string> => shapes.map((s) => s.join('x')).sort()

/** Embeddings once at their own width, and in each layer the attention probabilities and both sublayers' results. */
const dropouts = (size: { readonly layers: number; readonly heads: number; readonly hiddenSize: number }) => [
  [b, length, model.embeddingSize],
  ...Array.from({ length: size.layers }, () => [
    [b, size.heads, length, length],
    [b, length, size.hiddenSize],
    [b, length, size.hiddenSize]
  ]).flat()
]

const noise = [b, slots, vocabSize]

describe('the program of a loss', () => {
  it('in evaluation draws nothing but the noise that samples tokens', () => {
    expect(draws(config, 'evaluation')).toEqual(sorted([noise]))
  })

  it('in training draws for every dropout of both networks too', () => {
    expect(draws(config, 'training')).toEqual(sorted([noise, ...dropouts(model), ...dropouts(generator)]))
  })

  it('draws the same once for the loss and its gradient', () => {
    expect(draws(config, 'gradient')).toEqual(draws(config, 'training'))
  })

  it('draws for no dropout of rate 0', () => {
    const dry = configOf({ model: { hiddenDropout: 0, attentionDropout: 0 } })
    expect(draws(dry, 'training')).toEqual(sorted([noise]))
  })

  it("of the masked-LM baseline draws its one network's dropouts in training, and nothing in evaluation", () => {
    const mlm = configOf({ objective: 'mlm' })
    expect(draws(mlm, 'training')).toEqual(sorted(dropouts(model)))
    expect(draws(mlm, 'evaluation')).toEqual([])
  })
})

describe.each(['electra', 'mlm'] as const)("a shard's loss of the objective %s", (name) => {
  const objective = objectiveOf(configOf({ objective: name }), drawnPieces(vocabSize))
  const params = scattered<Params>(objective.parameters, 1)
  const batch = batchOf(config, 2)
  const metricsOf = (training: boolean, seed: number) =>
    numbersByPath(
      objective.stages[0].shardLoss(params, given(batch), denominatorsOf(batch), { training, key: random.key(seed) })
    )

  it('is decided by its key, bit for bit', () => {
    expect(metricsOf(true, 3)).toEqual(metricsOf(true, 3))
    expect(metricsOf(true, 4).get('loss')).not.toEqual(metricsOf(true, 3).get('loss'))
  })

  it('has one masked-LM part in evaluation, whatever the key', () => {
    expect(metricsOf(false, 4).get('metrics.maskedLmLoss')).toEqual(metricsOf(false, 3).get('metrics.maskedLmLoss'))
    expect(metricsOf(true, 3).get('metrics.maskedLmLoss')).not.toEqual(metricsOf(false, 3).get('metrics.maskedLmLoss'))
  })
})

describe('at initialisation', () => {
  const vocabulary = 30522

  /** A forward pass with fresh parameters. The ids of the batch are all below 37, which changes nothing here. */
  const reportOf = (seed: number) => {
    const objective = objectiveOf(config, drawnPieces(vocabulary))
    const params = computed(initialise(random.key(seed))<unknown>(objective.parameters)) as Params
    const batch = batchOf(config, seed)
    const { metrics } = objective.stages[0].shardLoss(params, given(batch), denominatorsOf(batch), {
      training: false,
      key: random.key(seed)
    })
    return objective.stages[0].report(Object.fromEntries(pipe(metrics, numbersByPath)), 1)
  }

  it('the losses are nearly ln V, ln 2 and their weighted sum', () => {
    const { loss, maskedLmLoss, discriminatorLoss } = reportOf(1)
    // A token's logit is y . w with |y| = sqrt 8 (a layer norm) and entries of w of deviation 0.0176: deviation 0.05.
    expect(Math.abs(maskedLmLoss - Math.log(vocabulary))).toBeLessThan(5 * 0.05)
    // A hidden state has norm 4, so W h has deviation 0.07 and its gelu about half; the last kernel is uniform up to
    // sqrt(6 / 17), deviation 0.34: a logit has deviation 0.035 * 0.34 * 4 = 0.05, and the loss has slope 1/2 in it.
    expect(Math.abs(discriminatorLoss - Math.LN2)).toBeLessThan((5 * 0.05) / 2)
    expect(loss).toBeCloseTo(maskedLmLoss + 50 * discriminatorLoss, 9)
    expect(Math.abs(loss - 44.98)).toBeLessThan(0.25 + 50 * 0.125)
  })
})
