import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import { maskedLmSpec } from '../../../src/electra/objective/masked-lm.js'
import { replacedTokenSpec } from '../../../src/electra/objective/replaced-token.js'
import { encode } from '../../../src/electra/model/body.js'
import { tokenLogits, type MaskedLanguageModel } from '../../../src/electra/model/generator.js'
import { discriminatorFrom, suspicions } from '../../../src/electra/predict.js'
import { energyScorer, maskedLmFrom, maskedLmScorer } from '../../../src/electra/scoring/likelihood.js'
import { tensor, zeros } from '../../../src/tensor/index.js'
import { reference } from '../../../src/tensor/run/reference/reference.js'
import { fromLiteral } from '../../../src/tensor/stored.js'
import { tensorEntries } from '../../../src/tensor/tree.js'
import { right, rightOf } from '../data/right.js'
import { configOf, numbersOf, scattered, special, vocabSize } from '../objective/cases.js'

const device = reference({ floats: 'float64' })
const config = configOf({})

const storedOf = (params: unknown, prefix: string) =>
  tensorEntries(params).map(([name, x]) => ({
    ...fromLiteral(tensor(Float32Array.from(numbersOf(x)), { shape: x.shape })),
    name: name.slice(prefix.length)
  }))

const row = [special.cls, 7, 9, 21, 9, 30, special.sep]

describe('the likelihood of a text', () => {
  it('of Electric is minus the energies: the log odds of not being replaced, special tokens aside', async () => {
    const stored = storedOf(
      { discriminator: scattered<{ discriminator: object }>(replacedTokenSpec(config, vocabSize), 1).discriminator },
      'discriminator.'
    )
    const trained = right(discriminatorFrom(config.model, vocabSize, stored))
    const found = await rightOf(energyScorer(device, trained)(row))
    const probabilities = await rightOf(suspicions(device, trained)(row))
    expect(found).toHaveLength(row.length - 2)
    found.forEach((x, i) => {
      const p = probabilities[i + 1]
      expect(x).toBeCloseTo(Math.log((1 - p) / p), 9)
    })
  })

  it('of a masked language model is that of each token where it alone is masked, in however many passes', async () => {
    const params = scattered<MaskedLanguageModel>(maskedLmSpec(config.model, vocabSize), 2)
    const trained = right(maskedLmFrom(config.model, vocabSize, storedOf(params, '')))
    const long = [special.cls, ...Array.from({ length: 8 }, (_, i) => 5 + ((7 * i) % 30)), special.sep]
    for (const ids of [row, long]) {
      const found = await rightOf(maskedLmScorer(device, trained, special.mask)(ids))
      const expected = ids.slice(1, -1).map((id, i) => {
        const shown = ids.map((x, at) => (at === i + 1 ? special.mask : x))
        const shape = [1, ids.length]
        const hidden = encode(
          config.model,
          config.model.heads,
          undefined
        )(
          trained.params.electra.embeddings,
          trained.params.electra
        )({
          ids: tensor(Int32Array.from(shown), { shape }),
          mask: tensor(new Int32Array(ids.length).fill(1), { shape }),
          types: zeros(shape, 'i32')
        }).final
        const logits = numbersOf(
          pipe(hidden, tokenLogits(config.model.layerNormEps)(trained.params, trained.params.electra.embeddings))
        ).slice((i + 1) * vocabSize, (i + 2) * vocabSize)
        const mass = logits.reduce((sum, x) => sum + Math.exp(x), 0)
        return logits[id] - Math.log(mass)
      })
      expect(found).toHaveLength(expected.length)
      found.forEach((x, i) => expect(x).toBeCloseTo(expected[i], 9))
      expect(found.every((x) => x < 0)).toBe(true)
    }
  })

  it('names the tensor that a model lacks', () => {
    expect(maskedLmFrom(config.model, vocabSize, [])).toMatchObject({ _tag: 'Left' })
  })
})
