import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import { grad } from '../../../src/autodiff/index.js'
import { generatorOf } from '../../../src/electra/objective/generators/table.js'
import { mainSpec, type MainParams } from '../../../src/electra/objective/main-network.js'
import { replaceMlmForward, type ReplaceMlmForward } from '../../../src/electra/objective/replace-mlm.js'
import { drawnPieces } from '../../../src/electra/objective/pieces.js'
import { add, tensor, type Tensor } from '../../../src/tensor/index.js'
import {
  batchOf,
  configOf,
  denominatorsOf,
  given,
  numberOf,
  numbersByPath,
  scattered,
  vocabSize,
  type HostBatch
} from './cases.js'
import {
  expectGolden,
  generatorParts,
  goldenBatch,
  goldenConfig,
  goldenParams,
  goldenPieces,
  maskedLmParts
} from './golden.js'

describe('Replace MLM', () => {
  it('has the losses, logits and gradients of an independent implementation', () => {
    const config = goldenConfig('replace-mlm')
    const parts = { ...maskedLmParts('main'), ...generatorParts }
    const generator = generatorOf(config, goldenPieces)
    const params = goldenParams<MainParams>(mainSpec(config, generator, goldenPieces.size), parts)
    const { batch, denominators, sampled } = goldenBatch()
    expectGolden({ objective: 'replace_mlm', params, parts }, (at) => {
      const found = replaceMlmForward(config, generator, () => sampled)(at, batch, denominators)
      return {
        loss: found.loss,
        generator_loss: found.proposal.loss,
        main_loss: found.mainLoss,
        main_logits: found.mainLogits
      }
    })
  })

  const config = configOf({ maskProbability: 0.3 })
  const generator = generatorOf(config, drawnPieces(vocabSize))
  const params = scattered<MainParams>(mainSpec(config, generator, vocabSize), 1)
  const host = batchOf(config, 2)
  const samples = host.maskedIds.map((id, slot) => (slot % 3 === 0 ? id : 5 + (slot % 30)))
  const forwardOf = (of: HostBatch, ids: Int32Array = samples, at: MainParams = params): ReplaceMlmForward =>
    replaceMlmForward(config, generator, () => tensor(ids, { shape: [of.rows, ids.length / of.rows] }))(
      at,
      given(of),
      denominatorsOf(of)
    )
  const gradientOf = (loss: (forward: ReplaceMlmForward) => Tensor) =>
    numbersByPath(grad((at: MainParams) => loss(forwardOf(host, samples, at)))(params))

  it('shows the main network the samples, never [MASK]', () => {
    const other = { ...host, maskedInputIds: host.inputIds }
    expect(numberOf(forwardOf(other).mainLoss)).toBe(numberOf(forwardOf(host).mainLoss))
    expect(numberOf(forwardOf(other).proposal.loss)).not.toBe(numberOf(forwardOf(host).proposal.loss))
    const changed = samples.map((id) => (id === 5 ? 6 : 5))
    expect(numberOf(forwardOf(host, changed).mainLoss)).not.toBe(numberOf(forwardOf(host).mainLoss))
  })

  it("leaves the generator to its own loss: the main one's gradient there is exactly 0", () => {
    const gradient = [...gradientOf((f) => f.mainLoss)].filter(([path]) => path.startsWith('generator.'))
    expect(gradient.length).toBeGreaterThan(10)
    expect(gradient.filter(([, g]) => g.some((x) => x !== 0))).toEqual([])
  })

  it('shares the embeddings and nothing else', () => {
    const gradient = gradientOf((f) => f.proposal.loss)
    const moved = [...gradient]
      .filter(([path, g]) => path.startsWith('main.') && g.some((x) => x !== 0))
      .map(([path]) => path)
    expect(moved).toHaveLength(5)
    expect(moved.filter((path) => !path.startsWith('main.electra.embeddings.'))).toEqual([])
  })

  it('loses the weighted sum of both', () => {
    const weighed = replaceMlmForward({ ...config, generatorWeight: 3 }, generator, () => given(host).maskedIds)(
      params,
      given(host),
      denominatorsOf(host)
    )
    const { proposal, mainLoss, loss } = weighed
    expect(numberOf(loss)).toBeCloseTo(numberOf(pipe(mainLoss, add(proposal.loss))) + 2 * numberOf(proposal.loss), 10)
  })
})
