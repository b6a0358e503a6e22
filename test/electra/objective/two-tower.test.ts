/** The two towers see everything but the token that they predict; Electric's energies are those of its head. */

import fc from 'fast-check'
import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import { grad } from '../../../src/autodiff/index.js'
import { foldName, sigmoidCrossEntropy } from '../../../src/nn/index.js'
import { samplerOf } from '../../../src/electra/objective/corrupted-input.js'
import { aucOfHistogram, logitHistogram } from '../../../src/electra/objective/auc.js'
import { drawnLogits, electricForward, electricObjective } from '../../../src/electra/objective/electric.js'
import type { TwoTowers } from '../../../src/electra/objective/generators/two-tower.js'
import { generatorOf } from '../../../src/electra/objective/generators/table.js'
import { jointForward, type AnyJointParams } from '../../../src/electra/objective/replaced-token.js'
import { drawnPieces } from '../../../src/electra/objective/pieces.js'
import {
  add,
  cast,
  div,
  full,
  logSoftmax,
  oneHot,
  random,
  sub,
  mul,
  sum,
  tensor,
  type Tensor
} from '../../../src/tensor/index.js'
import {
  batchOf,
  configOf,
  denominatorsOf,
  distance,
  given,
  numberOf,
  numbersByPath,
  numbersOf,
  scattered,
  vocabSize,
  type HostBatch
} from './cases.js'

const config = configOf({ objective: 'electric', generator: { kind: 'two-tower' }, maskProbability: 0.3 })
const pieces = drawnPieces(vocabSize)
const generator = generatorOf(config, pieces)
const params = scattered<AnyJointParams>(electricObjective(config, pieces).parameters, 1)
const batch = batchOf(config, 2)
const { sequenceLength: length } = config

const everywhere = (host: HostBatch): ReadonlyArray<number> => {
  const made = generator.propose(
    { main: params.discriminator, generator: params.generator },
    given(host),
    denominatorsOf(host),
    undefined
  ).everywhere
  return made === undefined ? [] : numbersOf(made)
}

const at = (logits: ReadonlyArray<number>, i: number): ReadonlyArray<number> =>
  logits.slice(i * vocabSize, (i + 1) * vocabSize)

describe('the logits of every token', () => {
  // The first row is full.
  it.each([0, 1, 6, length - 1])('depend on every other token, and not on token %i itself', (t) => {
    const inputIds = batch.inputIds.slice()
    inputIds[t] = inputIds[t] === 20 ? 21 : 20
    const [before, after] = [everywhere(batch), everywhere({ ...batch, inputIds })]
    expect(at(after, t)).toEqual(at(before, t))
    for (let s = 0; s < length; s++) if (s !== t) expect(distance(at(after, s), at(before, s))).toBeGreaterThan(1e-9)
    expect(after.slice(length * vocabSize)).toEqual(before.slice(length * vocabSize))
  })

  it('do not depend on padding', () => {
    const inputIds = batch.inputIds.map((id, i) => (batch.attentionMask[i] === 1 ? id : 11))
    const [before, after] = [everywhere(batch), everywhere({ ...batch, inputIds })]
    batch.attentionMask.forEach((real, i) => {
      if (real === 1) expect(at(after, i)).toEqual(at(before, i))
    })
  })
})

/** Up to so many pieces, each with its share of the text and of the noise. */
const laws = fc
  .record({
    shares: fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 })), {
      minLength: 2,
      maxLength: 6
    }),
    drawn: fc.integer({ min: 1, max: 19 }).map((x) => x / 20)
  })
  .map(({ shares, drawn }) => {
    const share = (which: 0 | 1) => shares.map((s) => s[which] / shares.reduce((sum, t) => sum + t[which], 0))
    return { text: share(0), noise: share(1), drawn }
  })

describe('the classifier of what was drawn', () => {
  const logs = (xs: ReadonlyArray<number>) => tensor(Float64Array.from(xs, (x) => -Math.log(x)))

  /** The mean loss, and its gradient by the energy of each piece. */
  const meanLoss = ({
    text,
    noise,
    drawn
  }: {
    readonly text: ReadonlyArray<number>
    readonly noise: ReadonlyArray<number>
    readonly drawn: number
  }) => {
    const weights = (of: ReadonlyArray<number>, by: number) => tensor(Float64Array.from(of, (x) => by * x))
    return (energies: Tensor): Tensor => {
      const logits = drawnLogits(drawn, logs(noise))(energies)
      const ofLabel = (label: number) => pipe(logits, sigmoidCrossEntropy(full(logits.shape, label)))
      return pipe(ofLabel(1), mul(weights(noise, drawn)), add(pipe(ofLabel(0), mul(weights(text, 1 - drawn)))), sum())
    }
  }

  it("loses least where the energies are minus the logs of the text's law, whatever the noise", () => {
    fc.assert(
      fc.property(laws, (law) => {
        const gradient = numbersOf(grad(meanLoss(law))(logs(law.text)))
        expect(
          distance(
            gradient,
            gradient.map(() => 0)
          )
        ).toBeLessThan(1e-14)
        // The loss is convex in the energies, so that this is its one minimum.
        const least = numberOf(meanLoss(law)(logs(law.text)))
        law.text.forEach((_, v) => {
          for (const by of [-0.5, 0.5]) {
            const moved = tensor(Float64Array.from(law.text, (x, i) => -Math.log(x) + (i === v ? by : 0)))
            expect(numberOf(meanLoss(law)(moved))).toBeGreaterThan(least)
          }
        })
      }),
      { numRuns: 30 }
    )
  })
})

describe('electric', () => {
  const sampler = samplerOf({ temperature: 1 }, random.key(3))
  const forward = electricForward({ ...config, temperature: 1 }, generator, sampler)(
    params,
    given(batch),
    denominatorsOf(batch)
  )

  it('adds log q of what stands there and log(p / (1 - p)) to the head, at every token', () => {
    const raw = jointForward(config, generator, sampler)(params, given(batch), denominatorsOf(batch))
    expect(numbersOf(forward.energies)).toEqual(numbersOf(raw.discriminatorLogits))
    const { everywhere: logits } = forward.proposal
    if (logits === undefined) throw new Error('no logits of every token')
    const logQ = pipe(logits, logSoftmax(-1), mul(oneHot(vocabSize)(forward.corrupted.ids)), sum({ axes: -1 }))
    const offsets = numbersOf(pipe(forward.discriminatorLogits, sub(forward.energies), sub(logQ)))
    expect(
      distance(
        offsets,
        offsets.map(() => Math.log(0.3 / 0.7))
      )
    ).toBeLessThan(1e-6)
  })

  it('reports how well the energies alone tell replaced tokens from others, those drawn as they were among these', () => {
    const { shardLoss, report } = electricObjective(config, pieces).stages[0]
    const key = random.key(7)
    // A bias that makes a sample of one original likely: some come out as they were.
    const { cloze_predictions: head, ...towers } = params.generator as TwoTowers
    const toOne = pipe(oneHot(vocabSize)(tensor(Int32Array.of(batch.maskedIds[0]), { shape: [] })), mul(8))
    const at = { ...params, generator: { ...towers, cloze_predictions: { ...head, bias: toOne } } }
    const found = electricForward(config, generator, samplerOf(config, foldName('sample')(key)))(
      at,
      given(batch),
      denominatorsOf(batch)
    )
    const { metrics } = shardLoss(at, given(batch), denominatorsOf(batch), { training: false, key })
    const { labels, selected } = found.corrupted
    const aucBy = (positive: Tensor): number =>
      aucOfHistogram(
        numbersOf(pipe(found.energies, div(2), logitHistogram(positive, cast('f32')(given(batch).attentionMask))))
      )
    expect(report(Object.fromEntries(numbersByPath(metrics)), 1).energyAuc).toBe(aucBy(labels))
    expect(aucBy(selected)).not.toBe(aucBy(labels))
  })

  it('counts what was drawn as drawn, equal or not', () => {
    const selected = numbersOf(forward.corrupted.selected)
    const expected = new Set(
      [...batch.maskedPositions].flatMap((p, slot) =>
        batch.maskedWeights[slot] === 1
          ? [Math.floor(slot / (batch.maskedPositions.length / batch.rows)) * length + p]
          : []
      )
    )
    selected.forEach((x, i) => expect(x).toBe(expected.has(i) ? 1 : 0))
  })
})
