import fc from 'fast-check'
import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import { grad } from '../../../src/autodiff/index.js'
import {
  allTokensForward,
  allTokensSpec,
  copyGateCrossEntropy,
  mostProbable,
  type AllTokensParams
} from '../../../src/electra/objective/all-tokens-mlm.js'
import { generatorOf } from '../../../src/electra/objective/generators/table.js'
import { drawnPieces } from '../../../src/electra/objective/pieces.js'
import { sum, tensor, type Tensor } from '../../../src/tensor/index.js'
import { assertGradients } from '../../../src/testing/index.js'
import { run } from '../../plain.js'
import {
  batchOf,
  configOf,
  denominatorsOf,
  distance,
  given,
  numbersByPath,
  numbersOf,
  scattered,
  vocabSize
} from './cases.js'
import {
  expectGolden,
  generatorParts,
  goldenBatch,
  goldenConfig,
  goldenNumbers,
  goldenParams,
  goldenPieces,
  maskedLmParts
} from './golden.js'

const classes = 4

const double = (xs: ReadonlyArray<number>, shape: ReadonlyArray<number>): Tensor =>
  tensor(Float64Array.from(xs), { shape })

const ids = (xs: ReadonlyArray<number>): Tensor => tensor(Int32Array.from(xs))

/** One token: the gate's logit, those of the vocabulary, and the piece that is shown. */
const tokens = fc.record({
  gate: fc.integer({ min: -80, max: 80 }).map((x) => x / 10),
  logits: fc.array(
    fc.integer({ min: -50, max: 50 }).map((x) => x / 10),
    { minLength: classes, maxLength: classes }
  ),
  shown: fc.nat({ max: classes - 1 })
})

/** The definition, as the paper writes it. */
const probabilities = (gate: number, logits: ReadonlyArray<number>, shown: number): ReadonlyArray<number> => {
  const copy = 1 / (1 + Math.exp(-gate))
  const mass = logits.reduce((total, x) => total + Math.exp(x), 0)
  return logits.map((x, v) => (v === shown ? copy : 0) + ((1 - copy) * Math.exp(x)) / mass)
}

/** `-log P(v)` for every v. */
const lossesOf = (gate: number, logits: ReadonlyArray<number>, shown: number): ReadonlyArray<number> => {
  const n = logits.length
  return numbersOf(
    copyGateCrossEntropy(
      ids(Array.from({ length: n }, () => shown)),
      ids(Array.from({ length: n }, (_, v) => v))
    )({
      gate: double(
        Array.from({ length: n }, () => gate),
        [n]
      ),
      logits: double(Array.from({ length: n }, () => logits).flat(), [n, n])
    })
  )
}

describe('the copy gate', () => {
  it('has the published check values: D = 0.3 and p = 0.2, copied and replaced', () => {
    const losses = lossesOf(Math.log(0.3 / 0.7), [Math.log(0.2), Math.log(0.8)], 0)
    expect(losses[0]).toBeCloseTo(0.8209806, 7)
    const [replaced] = lossesOf(Math.log(0.3 / 0.7), [Math.log(0.2), Math.log(0.8)], 1)
    expect(replaced).toBeCloseTo(1.9661129, 7)
    expect(distance([losses[0], replaced], goldenNumbers('copy_gate.losses'))).toBeLessThan(1e-14)
  })

  it('is minus the log of the mixture, whose probabilities sum to 1', () => {
    fc.assert(
      fc.property(tokens, ({ gate, logits, shown }) => {
        const found = lossesOf(gate, logits, shown).map((x) => Math.exp(-x))
        expect(distance(found, probabilities(gate, logits, shown))).toBeLessThan(1e-13)
        expect(found.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12)
      })
    )
  })

  it('is finite and right where the gate is all but shut or open', () => {
    // Shut: -log p. Open: 0 for what is shown, gate - log p for all else.
    const logits = [0, Math.log(3)]
    for (const device of ['float64', 'float32'] as const) {
      const of = (gate: number, original: number) =>
        run(
          copyGateCrossEntropy(
            ids([0]),
            ids([original])
          )({ gate: double([gate], [1]), logits: double(logits, [1, 2]) }),
          device
        ).values[0]
      expect(of(-1000, 0)).toBeCloseTo(Math.log(4), 6)
      expect(of(-1000, 1)).toBeCloseTo(Math.log(4 / 3), 6)
      expect(Math.abs(of(1000, 0))).toBe(0)
      expect(of(1000, 1)).toBeCloseTo(1000 + Math.log(4 / 3), 3)
    }
  })

  it('has the gradient that differences say', () => {
    assertGradients(
      ({ gate, logits }: { readonly gate: Tensor; readonly logits: Tensor }) =>
        pipe(copyGateCrossEntropy(ids([0, 0]), ids([0, 1]))({ gate, logits }), sum()),
      tokens.map(({ gate, logits }) => ({
        gate: double([gate / 4, -gate / 3], [2]),
        logits: double([...logits, ...logits], [2, classes])
      }))
    )
  })

  it('predicts the most probable piece of the mixture', () => {
    fc.assert(
      fc.property(tokens, ({ gate, logits, shown }) => {
        const p = probabilities(gate, logits, shown)
        const predicted = numbersOf(
          mostProbable(ids([shown]))({ gate: double([gate], [1]), logits: double(logits, [1, classes]) })
        )[0]
        expect(p[predicted]).toBeGreaterThan(Math.max(...p) - 1e-12)
      })
    )
  })
})

describe('All-Tokens MLM', () => {
  it('has the losses, logits and gradients of an independent implementation', () => {
    const config = goldenConfig('all-tokens-mlm')
    const parts = { ...maskedLmParts('main'), 'main.copy_gate': 'gate', ...generatorParts }
    const generator = generatorOf(config, goldenPieces)
    const params = goldenParams<AllTokensParams>(allTokensSpec(config, generator, goldenPieces.size), parts)
    const { batch, denominators, sampled } = goldenBatch()
    expectGolden({ objective: 'all_tokens_mlm', params, parts, real: ['main_logits', 'gate', 'losses'] }, (at) => {
      const found = allTokensForward(config, generator, () => sampled)(at, batch, denominators)
      return {
        loss: found.loss,
        generator_loss: found.proposal.loss,
        main_loss: found.mainLoss,
        main_logits: found.logits,
        gate: found.gate,
        losses: found.losses
      }
    })
  })

  it('learns from every real token, and moves nothing of the generator by it', () => {
    const config = configOf({ maskProbability: 0.3 })
    const generator = generatorOf(config, drawnPieces(vocabSize))
    const params = scattered<AllTokensParams>(allTokensSpec(config, generator, vocabSize), 1)
    const host = batchOf(config, 2)
    const of = (at: AllTokensParams, change: object = {}) =>
      allTokensForward(config, generator, () => given(host).maskedIds)(
        at,
        given({ ...host, ...change }),
        denominatorsOf(host)
      )
    const gradient = numbersByPath(grad((at: AllTokensParams) => of(at).mainLoss)(params))
    const moved = [...gradient].filter(([path, g]) => path.startsWith('generator.') && g.some((x) => x !== 0))
    expect(moved).toEqual([])
    const everywhere = numbersOf(of(params).losses)
    const mean = everywhere.reduce((total, x, i) => total + x * host.attentionMask[i], 0)
    const count = host.attentionMask.reduce((a, b) => a + b, 0)
    expect(distance(numbersOf(of(params).mainLoss), [mean / (count + 1e-6)])).toBeLessThan(1e-12)
  })
})
