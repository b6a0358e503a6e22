/** What the objective reports, against counting token by token. */

import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import { sampleTokens } from '../../../src/electra/objective/corruption.js'
import {
  jointForward,
  replacedTokenObjective,
  replacedTokenSpec,
  type JointParams
} from '../../../src/electra/objective/replaced-token.js'
import { foldName } from '../../../src/nn/index.js'
import type { CorruptedBatch } from '../../../src/electra/objective/batch.js'
import { binaryEntropy } from '../../../src/electra/objective/entropy.js'
import type { Report } from '../../../src/electra/training/columns.js'
import { mapTensors } from '../../../src/tensor/tree.js'
import { cast, gt, mul, random, zeros } from '../../../src/tensor/index.js'
import {
  batchOf,
  computed,
  configOf,
  denominatorsOf,
  given,
  numbersByPath,
  numbersOf,
  scattered,
  vocabSize,
  type HostBatch
} from './cases.js'
import { generatorOf } from '../../../src/electra/objective/generators/table.js'
import { drawnPieces } from '../../../src/electra/objective/pieces.js'

const config = configOf({ maskProbability: 0.3 })
/** With these the discriminator flags 21 of 45 tokens, 6 of them rightly: no share below is 0, 1 or NaN by accident. */
const generator = generatorOf(config, drawnPieces(vocabSize))

const params = scattered<JointParams>(replacedTokenSpec(config, vocabSize), 6)
const batch = batchOf(config, 2)

describe('the report', () => {
  const objective = replacedTokenObjective(config, drawnPieces(vocabSize))

  const sumsOf = (host: HostBatch, seed: number) =>
    Object.fromEntries(
      numbersByPath(
        objective.stages[0].shardLoss(params, given(host), denominatorsOf(host), {
          training: false,
          key: random.key(seed)
        }).metrics
      )
    )

  const reportOfJudge = (of: JointParams, judged: CorruptedBatch): Report => {
    const { judge } = objective
    if (judge === undefined) throw new Error('expected an objective with a discriminator')
    return judge.report(Object.fromEntries(numbersByPath(judge.metrics(of, judged))))
  }

  /** One real token as the discriminator sees it. */
  type Judged = { readonly label: number; readonly logit: number }

  /** One slot that counts, as the generator fills it. */
  type Filled = { readonly original: number; readonly sampled: number; readonly logits: ReadonlyArray<number> }

  /** The same forward pass, token by token. The objective samples with the key folded by `sample`. */
  const seen = (host: HostBatch, seed: number) => {
    const sampler = sampleTokens(1, foldName('sample')(random.key(seed)))
    const forward = jointForward(config, generator, sampler)(params, given(host), denominatorsOf(host))
    const { proposal, discriminatorLogits, sampled, corrupted } = computed(forward)
    const [logits, labels] = [numbersOf(discriminatorLogits), numbersOf(corrupted.labels)]
    const [vocabulary, ids] = [numbersOf(proposal.logits), numbersOf(sampled)]
    const tokens: ReadonlyArray<Judged> = logits
      .map((logit, i) => ({ logit, label: labels[i] }))
      .filter((_, i) => host.attentionMask[i] === 1)
    const filled: ReadonlyArray<Filled> = ids
      .map((id, i) => ({
        original: host.maskedIds[i],
        sampled: id,
        logits: vocabulary.slice(i * vocabSize, (i + 1) * vocabSize)
      }))
      .filter((_, i) => host.maskedWeights[i] === 1)
    return { tokens, filled }
  }

  const share = <A>(xs: ReadonlyArray<A>, holds: (x: A) => boolean): number => xs.filter(holds).length / xs.length

  const naive = ({ tokens, filled }: ReturnType<typeof seen>) => {
    const crossEntropy = ({ logits, original }: Filled): number =>
      Math.log(logits.reduce((total, x) => total + Math.exp(x), 0)) - logits[original]
    const binary = ({ logit, label }: Judged): number =>
      -Math.log(label === 1 ? 1 / (1 + Math.exp(-logit)) : 1 - 1 / (1 + Math.exp(-logit)))
    const meanOf = (xs: ReadonlyArray<number>) => xs.reduce((a, b) => a + b, 0) / (xs.length + 1e-6)
    const maskedLmLoss = meanOf(filled.map(crossEntropy))
    const discriminatorLoss = meanOf(tokens.map(binary))
    return {
      maskedLmLoss,
      discriminatorLoss,
      loss: maskedLmLoss + 50 * discriminatorLoss,
      ...shares({ tokens, filled })
    }
  }

  const shares = ({ tokens, filled }: ReturnType<typeof seen>) => {
    const isReplaced = ({ label }: Judged) => label === 1
    const isFlagged = ({ logit }: Judged) => logit > 0
    const replacedRate = share(tokens, isReplaced)
    return {
      maskedLmAccuracy: share(filled, ({ logits, original }) => Math.max(...logits) === logits[original]),
      sampledAccuracy: share(filled, ({ sampled, original }) => sampled === original),
      discriminatorAccuracy: share(tokens, (x) => isFlagged(x) === isReplaced(x)),
      discriminatorPrecision: share(tokens.filter(isFlagged), isReplaced),
      discriminatorRecall: share(tokens.filter(isReplaced), isFlagged),
      replacedRate,
      baseRateEntropy: -replacedRate * Math.log(replacedRate) - (1 - replacedRate) * Math.log(1 - replacedRate)
    }
  }

  const close = (found: Readonly<Record<string, number>>, expected: Readonly<Record<string, number>>) => {
    for (const [name, value] of Object.entries(expected))
      expect([name, found[name]]).toEqual([name, expect.closeTo(value, 9)])
  }

  it('judges a text that was corrupted elsewhere as it judges its own', () => {
    // The same replacements, handed over as a finished text: the joint pass knows how they came about, the judge does not.
    const sampler = sampleTokens(1, foldName('sample')(random.key(5)))
    const { corrupted, discriminatorLogits } = computed(
      jointForward(config, generator, sampler)(params, given(batch), denominatorsOf(batch))
    )
    const { attentionMask, tokenTypeIds } = given(batch)
    const labels = cast('i32')(corrupted.labels)
    const judged = { attentionMask, tokenTypeIds, inputIds: corrupted.ids, labels }
    const found = reportOfJudge(params, judged).fixedCorruptionAuc

    const tokens = numbersOf(discriminatorLogits)
      .map((logit, i) => ({ logit, label: numbersOf(corrupted.labels)[i] }))
      .filter((_, i) => batch.attentionMask[i] === 1)
    const logitsOf = (label: number) => tokens.filter((x) => x.label === label).map((x) => x.logit)
    const pairs = logitsOf(1).flatMap((p) => logitsOf(0).map((n) => (p > n ? 1 : p === n ? 0.5 : 0)))
    // Pairs that share a bin of the histogram count half.
    expect(Math.abs(found - pairs.reduce<number>((a, b) => a + b, 0) / pairs.length)).toBeLessThan(0.02)
    expect(found).toBe(objective.stages[0].report(sumsOf(batch, 5), 1).discriminatorAuc)
  })

  it('gives a discriminator that always says the same an AUC of 1/2', () => {
    const { attentionMask, tokenTypeIds, inputIds } = given(batch)
    const labels = pipe(inputIds, gt(20), cast('i32'), mul(attentionMask))
    const head = params.discriminator.discriminator_predictions
    const constant = mapTensors((x) => zeros(x.shape), head)
    const silent = {
      ...params,
      discriminator: { ...params.discriminator, discriminator_predictions: constant }
    }
    const judged = { attentionMask, tokenTypeIds, inputIds, labels }
    expect(reportOfJudge(silent, judged).fixedCorruptionAuc).toBe(0.5)
    expect(reportOfJudge(params, judged).fixedCorruptionAuc).not.toBe(0.5)
  })

  it('of one batch says what counting token by token says', () => {
    const { discriminatorAuc, ...report } = objective.stages[0].report(sumsOf(batch, 6), 1)
    const { tokens, filled } = seen(batch, 6)
    const expected = naive({ tokens, filled })
    expect([expected.discriminatorPrecision, expected.discriminatorRecall]).toEqual([6 / 21, 6 / 13])
    close(report, expected)
    expect(Object.keys(report).sort()).toEqual(Object.keys(expected).sort())
    const logitsOf = (label: number) => tokens.filter((x) => x.label === label).map((x) => x.logit)
    const pairs = logitsOf(1).flatMap((positive) => logitsOf(0).map((negative) => positive - negative))
    // Logits less than a bin of 24 / 511 apart may count half.
    expect(discriminatorAuc).toBeGreaterThanOrEqual(share(pairs, (d) => d > 24 / 511))
    expect(discriminatorAuc).toBeLessThanOrEqual(share(pairs, (d) => d >= -24 / 511))
  })

  it('of several batches has the mean of their losses, and counts over all their tokens together', () => {
    const other = batchOf(config, 7)
    const [a, b] = [sumsOf(batch, 6), sumsOf(other, 8)]
    const added = Object.fromEntries(Object.entries(a).map(([name, x]) => [name, x.map((v, i) => v + b[name][i])]))
    const [first, second] = [seen(batch, 6), seen(other, 8)]
    const mean = (name: 'loss' | 'maskedLmLoss' | 'discriminatorLoss') => (naive(first)[name] + naive(second)[name]) / 2
    close(objective.stages[0].report(added, 2), {
      loss: mean('loss'),
      maskedLmLoss: mean('maskedLmLoss'),
      discriminatorLoss: mean('discriminatorLoss'),
      ...shares({ tokens: [...first.tokens, ...second.tokens], filled: [...first.filled, ...second.filled] })
    })
  })

  it('does not change its masked-LM numbers with the temperature of sampling', () => {
    const cold = replacedTokenObjective({ ...config, temperature: 0.25 }, drawnPieces(vocabSize))
    const run = { training: false, key: random.key(6) }
    const { maskedLmLoss, maskedLmHits, sampledHits } = cold.stages[0].shardLoss(
      params,
      given(batch),
      denominatorsOf(batch),
      run
    ).metrics
    const hot = sumsOf(batch, 6)
    expect([numbersOf(maskedLmLoss), numbersOf(maskedLmHits)]).toEqual([hot.maskedLmLoss, hot.maskedLmHits])
    expect(numbersOf(sampledHits)).not.toEqual(hot.sampledHits)
  })
})

describe('the entropy of a coin', () => {
  it.each([
    [0.05, 0.1985],
    [0.06, 0.227],
    [0.07, 0.2536],
    [0.1, 0.3251]
  ])('of probability %f is %f nats, to four digits', (p, nats) => {
    expect(Math.abs(binaryEntropy(p) - nats)).toBeLessThanOrEqual(0.00005)
    expect(binaryEntropy(1 - p)).toBeCloseTo(binaryEntropy(p), 12)
  })

  it('is 0 where it always falls on one side', () => {
    expect([0, 1].map(binaryEntropy)).toEqual([0, 0])
  })
})
