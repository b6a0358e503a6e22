import fc from 'fast-check'
import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import { generatorSpec, predictTokens, type Generator } from '../../../src/electra/model/generator.js'
import { layerNorm, gelu } from '../../../src/nn/index.js'
import { add, matmul, slice, tensor, transpose, zeros, type Tensor } from '../../../src/tensor/index.js'
import { configOf, numbersOf, rounding, scattered, treeDistance, vocabSize } from '../objective/cases.js'
import { flatPositions, gatherPositions } from '../../../src/electra/model/positions.js'

/** Hidden states `[batch, length, width]` that count up, and positions in them. */
const gathers = fc
  .record({
    batch: fc.integer({ min: 1, max: 3 }),
    length: fc.integer({ min: 1, max: 5 }),
    width: fc.integer({ min: 1, max: 3 })
  })
  .chain(({ batch, length, width }) =>
    fc
      .integer({ min: 0, max: 4 })
      .chain((slots) =>
        fc
          .array(fc.nat({ max: length - 1 }), { minLength: batch * slots, maxLength: batch * slots })
          .map((positions) => ({ batch, length, width, slots, positions }))
      )
  )

describe('gathering positions', () => {
  it("takes each slot's row of its own sequence", () => {
    fc.assert(
      fc.property(gathers, ({ batch, length, width, slots, positions }) => {
        const hidden = Float64Array.from({ length: batch * length * width }, (_, i) => i)
        const at = tensor(Int32Array.from(positions), { shape: [batch, slots] })
        const found = gatherPositions(at)(tensor(hidden, { shape: [batch, length, width] }))
        expect(found.shape).toEqual([batch, slots, width])
        const places = positions.map((t, i) => Math.floor(i / slots) * length + t)
        expect(numbersOf(flatPositions(at, length))).toEqual(places)
        expect(numbersOf(found)).toEqual(
          places.flatMap((place) => [...hidden.slice(place * width, (place + 1) * width)])
        )
      })
    )
  })
})

describe("the generator's head", () => {
  const { model, generator: sizes } = configOf()
  const size = { ...sizes, embeddingSize: model.embeddingSize }
  const params = scattered<Generator>(generatorSpec(size, model, vocabSize, 0.02), 1)
  const table = scattered<{ readonly word_embeddings: { readonly weight: Tensor } }>(
    { word_embeddings: { weight: { shape: [vocabSize, model.embeddingSize], initialiser: () => zeros([]) } } },
    2
  )
  const hidden = tensor(
    Float64Array.from({ length: 2 * 5 * sizes.hiddenSize }, (_, i) => Math.sin(i)),
    { shape: [2, 5, sizes.hiddenSize] }
  )
  const positions = tensor(Int32Array.of(3, 0, 3, 1, 4, 2), { shape: [2, 3] })
  const logits = predictTokens(1e-12)(params, table)

  it('multiplies a norm of the GELU of a dense layer with the word embeddings, and adds a bias for each word', () => {
    const { dense, LayerNorm } = params.generator_predictions
    const expected = pipe(
      gatherPositions(positions)(hidden),
      matmul(transpose(dense.weight)),
      add(dense.bias),
      gelu,
      layerNorm({ eps: 1e-12 })(LayerNorm),
      matmul(transpose(table.word_embeddings.weight)),
      add(params.generator_lm_head.bias)
    )
    expect(treeDistance(logits(hidden, positions), expected)).toBeLessThan(rounding)
  })

  it('predicts at its positions only: other hidden states do not matter', () => {
    const other = tensor(
      Float64Array.from(numbersOf(hidden), (x, i) => {
        const row = Math.floor(i / sizes.hiddenSize)
        return [3, 0, 6, 9, 7].includes(row) ? x : 100
      }),
      { shape: hidden.shape }
    )
    expect(treeDistance(logits(other, positions), logits(hidden, positions))).toBe(0)
  })

  it('predicts the same twice where a position is drawn twice', () => {
    const found = logits(hidden, positions)
    const slot = (i: number) => slice([[0, 1], [i, i + 1], null])(found)
    expect(treeDistance(slot(0), slot(2))).toBe(0)
    expect(treeDistance(slot(0), slot(1))).toBeGreaterThan(0.01)
  })
})
