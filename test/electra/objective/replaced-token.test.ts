import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import { grad, valueAndGrad } from '../../../src/autodiff/index.js'
import { sampleTokens } from '../../../src/electra/objective/corruption.js'
import {
  jointForward,
  replacedTokenObjective,
  replacedTokenSpec,
  type JointForward,
  type JointParams
} from '../../../src/electra/objective/replaced-token.js'
import type { Sampler } from '../../../src/electra/objective/corrupted-input.js'
import { add, mul, random, slice, tensor, type Tensor } from '../../../src/tensor/index.js'
import { tensorEntries } from '../../../src/tensor/tree.js'
import {
  batchOf,
  computed,
  configOf,
  denominatorsOf,
  distance,
  given,
  numbersByPath,
  numbersOf,
  rounding,
  rowsOf,
  scattered,
  treeDistance,
  vocabSize,
  type HostBatch
} from './cases.js'
import { generatorOf } from '../../../src/electra/objective/generators/table.js'
import { drawnPieces } from '../../../src/electra/objective/pieces.js'

/** Three tokens of ten are predicted, so that slots, changed tokens and lucky samples all occur in four short rows. */
const config = configOf({ maskProbability: 0.3 })
const generator = generatorOf(config, drawnPieces(vocabSize))

const params = scattered<JointParams>(replacedTokenSpec(config, vocabSize), 1)
const batch = batchOf(config, 2)

const { batchSize, sequenceLength: length } = config
const slots = batch.maskedPositions.length / batchSize

/** Samples that do not depend on the batch's cut: any ids, lucky ones in every third slot. */
const sampledIds = batch.maskedIds.map((id, slot) => (slot % 3 === 0 ? id : 5 + ((7 * slot) % (vocabSize - 5))))

const samplesOf = (from: number, to: number): Sampler => {
  const ids = tensor(sampledIds.slice(from * slots, to * slots), { shape: [to - from, slots] })
  return () => ids
}

const forwardOf = (
  host: HostBatch,
  sampler: Sampler = samplesOf(0, batchSize),
  at: JointParams = params
): JointForward => jointForward(config, generator, sampler)(at, given(host), denominatorsOf(host))

const gradientOf = (
  loss: (forward: JointForward) => Tensor,
  host: HostBatch,
  sampler?: Sampler
): ReadonlyMap<string, ReadonlyArray<number>> =>
  numbersByPath(grad((at: JointParams) => loss(forwardOf(host, sampler, at)))(params))

const isZero = (xs: ReadonlyArray<number>): boolean => xs.every((x) => x === 0)

const sampling = sampleTokens(1, random.key(3))

const isShared = (path: string): boolean => path.startsWith('discriminator.electra.embeddings.')

describe('the gradient', () => {
  it("of the discriminator's loss is exactly 0 for every parameter of the generator's own", () => {
    const gradient = gradientOf((forward) => forward.discriminatorLoss, batch, sampling)
    const [own, others] = [true, false].map((isOwn) =>
      [...gradient].filter(([path]) => path.startsWith('generator.') === isOwn)
    )
    expect(own.filter(([, g]) => !isZero(g))).toEqual([])
    // Key biases shift every score of a row alike, which the softmax does not see.
    expect(others.filter(([path, g]) => isZero(g) && !path.endsWith('key.bias'))).toEqual([])
  })

  it("of the masked-LM loss is exactly 0 for the discriminator's encoder and head, and not for the shared embeddings", () => {
    const gradient = gradientOf((forward) => forward.proposal.loss, batch, sampling)
    const ofDiscriminator = [...gradient].filter(([path]) => path.startsWith('discriminator.'))
    expect(ofDiscriminator.filter(([, g]) => !isZero(g)).map(([path]) => path)).toEqual(
      ofDiscriminator.map(([path]) => path).filter(isShared)
    )
    expect(ofDiscriminator.filter(([path]) => isShared(path))).toHaveLength(5)
  })

  it('of the whole is the weighted sum of the two', () => {
    const of = (loss: (forward: JointForward) => Tensor) => gradientOf(loss, batch, sampling)
    const [whole, masked, discriminator] = [
      of((f) => f.loss),
      of((f) => f.proposal.loss),
      of((f) => f.discriminatorLoss)
    ]
    for (const [path, g] of whole) {
      const [a, b] = [masked.get(path) ?? [], discriminator.get(path) ?? []]
      expect(
        distance(
          g,
          a.map((x, i) => x + 50 * b[i])
        )
      ).toBeLessThan(rounding)
    }
  })
})

describe('the embeddings', () => {
  it('are read by both networks', () => {
    const before = forwardOf(batch)
    const { weight } = params.discriminator.electra.embeddings.position_embeddings
    const changed: JointParams = {
      ...params,
      discriminator: {
        ...params.discriminator,
        electra: {
          ...params.discriminator.electra,
          embeddings: {
            ...params.discriminator.electra.embeddings,
            position_embeddings: { weight: pipe(weight, mul(1.5)) }
          }
        }
      }
    }
    const after = forwardOf(batch, undefined, changed)
    const moved = (f: (forward: JointForward) => Tensor) => distance(numbersOf(f(after)), numbersOf(f(before)))
    expect(moved((f) => f.proposal.logits)).toBeGreaterThan(1e-3)
    expect(moved((f) => f.discriminatorLogits)).toBeGreaterThan(1e-3)
  })

  it("are the discriminator's where the generator has none, and its own tables, softmax included, where it has", () => {
    const { embeddings } = params.discriminator.electra
    const withOwn = (own: JointParams['generator']['electra']['embeddings']): JointParams => ({
      ...params,
      generator: { ...params.generator, electra: { ...params.generator.electra, embeddings: own } }
    })
    const logits = (at: JointParams) => forwardOf(batch, undefined, at).proposal.logits
    expect(treeDistance(logits(withOwn(embeddings)), logits(params))).toBe(0)

    const word_embeddings = { weight: pipe(embeddings.word_embeddings.weight, mul(0.5)) }
    const own = withOwn({ word_embeddings })
    const all: JointParams = {
      ...params,
      discriminator: {
        ...params.discriminator,
        electra: { ...params.discriminator.electra, embeddings: { ...embeddings, word_embeddings } }
      }
    }
    expect(treeDistance(logits(own), logits(all))).toBe(0)
    expect(
      treeDistance(forwardOf(batch, undefined, own).discriminatorLogits, forwardOf(batch).discriminatorLogits)
    ).toBe(0)
  })
})

/** The batch with `extra` columns of padding on the right. */
const widened = (host: HostBatch, extra: number): HostBatch => {
  const widen = (array: Int32Array): Int32Array =>
    Int32Array.from({ length: host.rows * (length + extra) }, (_, i) => {
      const t = i % (length + extra)
      return t < length ? array[Math.floor(i / (length + extra)) * length + t] : 0
    })
  return {
    ...host,
    inputIds: widen(host.inputIds),
    maskedInputIds: widen(host.maskedInputIds),
    attentionMask: widen(host.attentionMask),
    tokenTypeIds: widen(host.tokenTypeIds)
  }
}

/** The batch with other ids and segments wherever there is padding, and other originals in unused slots. */
const refilled = (host: HostBatch): HostBatch => {
  const atPadding = (array: Int32Array, other: number): Int32Array =>
    array.map((x, i) => (host.attentionMask[i] === 1 ? x : other))
  return {
    ...host,
    inputIds: atPadding(host.inputIds, 11),
    maskedInputIds: atPadding(host.maskedInputIds, 12),
    tokenTypeIds: atPadding(host.tokenTypeIds, 1),
    maskedIds: host.maskedIds.map((id, slot) => (host.maskedWeights[slot] === 1 ? id : 13))
  }
}

describe('padding', () => {
  it('is there, and so are unused slots', () => {
    expect(batch.attentionMask).toContain(0)
    expect(batch.maskedWeights).toContain(0)
  })

  it('may hold anything: losses, metrics and gradients stay what they are', () => {
    const objective = replacedTokenObjective(config, drawnPieces(vocabSize))
    const run = { training: false, key: random.key(4) }
    const metricsOf = (host: HostBatch) =>
      objective.stages[0].shardLoss(params, given(host), denominatorsOf(host), run).metrics
    expect(treeDistance(metricsOf(refilled(batch)), metricsOf(batch))).toBe(0)
    const [before, after] = [batch, refilled(batch)].map((host) => gradientOf((f) => f.loss, host))
    for (const [path, g] of after) expect(distance(g, before.get(path) ?? [])).toBe(0)
  })

  it('may be longer: nothing changes at real positions', () => {
    const extra = 5
    const [before, after] = [forwardOf(batch), forwardOf(widened(batch, extra))]
    expect(treeDistance(after.proposal.logits, before.proposal.logits)).toBeLessThan(rounding)
    const narrowed = slice([null, [0, length]])(after.discriminatorLogits)
    const real = (x: Tensor) => numbersOf(x).filter((_, i) => batch.attentionMask[i] === 1)
    expect(distance(real(narrowed), real(before.discriminatorLogits))).toBeLessThan(rounding)
    const losses = ({ proposal, discriminatorLoss, loss }: JointForward) => ({
      maskedLmLoss: proposal.loss,
      discriminatorLoss,
      loss
    })
    expect(treeDistance(losses(after), losses(before))).toBeLessThan(rounding)
  })
})

describe.each([1, 2, 4])('a batch cut into %i shards', (shards) => {
  const size = batchSize / shards
  const cuts = Array.from({ length: shards }, (_, s) => [s * size, (s + 1) * size] as const)
  const shared = denominatorsOf(batch)

  it("has the sum of the shards' losses and gradients", () => {
    const partOf = (from: number, to: number) =>
      valueAndGrad((at: JointParams) => {
        const forward = jointForward(config, generator, samplesOf(from, to))
        return forward(at, given(rowsOf(batch, from, to)), shared).loss
      })(params)
    const whole = computed(partOf(0, batchSize))
    const parts = cuts.map(([from, to]) => computed(partOf(from, to)))
    const sumOf = (xs: ReadonlyArray<Tensor>): Tensor => xs.reduce((a, b) => add(b)(a))
    expect(treeDistance(sumOf(parts.map((p) => p.value)), whole.value)).toBeLessThan(rounding)
    const partGrads = parts.map((p) => new Map(tensorEntries(p.grads)))
    for (const [path, g] of tensorEntries(whole.grads)) {
      const added = sumOf(partGrads.flatMap((grads) => grads.get(path) ?? []))
      expect(treeDistance(added, g)).toBeLessThan(rounding)
    }
  })

  it("has the sum of the shards' metrics", () => {
    // So cold that each slot's sample is the argmax, whatever the noise.
    const objective = replacedTokenObjective({ ...config, temperature: 1e-9 }, drawnPieces(vocabSize))
    const run = { training: false, key: random.key(5) }
    const partOf = (from: number, to: number) =>
      numbersByPath(objective.stages[0].shardLoss(params, given(rowsOf(batch, from, to)), shared, run).metrics)
    const parts = cuts.map(([from, to]) => partOf(from, to))
    for (const [name, whole] of partOf(0, batchSize)) {
      const added = whole.map((_, i) => parts.reduce((total, part) => total + (part.get(name) ?? [])[i], 0))
      expect(distance(added, whole)).toBeLessThan(rounding)
    }
  })
})
