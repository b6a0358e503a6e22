import { describe, expect, it } from 'vitest'
import { discriminatorFrom, suspicions } from '../../src/electra/predict.js'
import { storedParams } from '../../src/electra/model/stored-params.js'
import { judgedReplacements } from '../../src/electra/replacements.js'
import { replacedTokenSpec } from '../../src/electra/objective/replaced-token.js'
import type { Params } from '../../src/nn/index.js'
import { fromLiteral, tensor, type NamedStored } from '../../src/tensor/index.js'
import { hostKey } from '../../src/tensor/keys.js'
import { reference } from '../../src/tensor/run/reference/reference.js'
import { tensorEntries } from '../../src/tensor/tree.js'
import { left, right, rightOf } from './data/right.js'
import { objectiveOf } from '../../src/electra/objective/table.js'
import { drawnPieces } from '../../src/electra/objective/pieces.js'
import { configOf, numbersOf, scattered, special, vocabSize } from './objective/cases.js'

const config = configOf({ maskProbability: 0.4 })

const stored: ReadonlyArray<NamedStored> = tensorEntries(
  scattered<unknown>(replacedTokenSpec(config, vocabSize), 1)
).map(([name, x]) => ({ ...fromLiteral(tensor(Float32Array.from(numbersOf(x)), { shape: x.shape })), name }))

const sentences = [
  [7, 9, 21, 30, 8, 17, 36, 11],
  [12, 13, 6],
  [20, 33, 25, 7, 7, 19]
]

const objective = objectiveOf(config, drawnPieces(vocabSize))

const judged = objective.judged ?? (() => ({ ids: tensor([]), logits: tensor([]) }))

const device = reference({ floats: 'float64' })

describe('replacements in sentences', () => {
  const judge = (seed: number) =>
    rightOf(
      judgedReplacements(
        device,
        config,
        judged,
        right(storedParams(stored)<Params>(objective.parameters)),
        drawnPieces(vocabSize),
        hostKey(seed)
      )(sentences)
    )

  it('leave what was there to be seen, and replace some of it, as the key says', async () => {
    const judged = await judge(1)
    expect(judged.map((tokens) => tokens.map(({ original }) => original))).toEqual(sentences)
    const replaced = judged.flat().filter(({ id, original }) => id !== original).length
    expect(replaced).toBeGreaterThan(0)
    // No more than are masked: 0.4 of each row with its [CLS] and [SEP], rounded.
    expect(replaced).toBeLessThanOrEqual(4 + 2 + 3)
    expect(await judge(1)).toEqual(judged)
    expect(await judge(2)).not.toEqual(judged)
  })

  it('are judged as the discriminator judges what they made of a sentence', async () => {
    const { params, model } = right(discriminatorFrom(config.model, vocabSize, stored, 'discriminator.'))
    const ask = suspicions(device, { params, model })
    for (const tokens of await judge(3)) {
      const alone = await rightOf(ask([special.cls, ...tokens.map(({ id }) => id), special.sep]))
      tokens.forEach(({ probability }, i) => expect(probability).toBeCloseTo(alone[i + 1], 10))
    }
  })

  it('need both networks, and name what is missing', () => {
    const without = stored.filter(({ name }) => !name.startsWith('generator.'))
    expect(left(storedParams(without)(objective.parameters))).toMatch(/^generator\./)
  })
})
