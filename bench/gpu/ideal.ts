/**
 * A training step as it would be written by hand for a GPU: what it has to move and to launch, as formulas.
 *
 * Elements of 4 bytes; each launch reads what it needs once and writes what it gives once, as if every operand of a product that is
 * read again by another tile were found in a cache. Written for N tokens, width h, feed-forward width f, S = batch heads length^2
 * scores, embedding width e, vocabulary V, M masked places.
 *
 * What it is taken to do, and why:
 * - Biases, residuals, GELU and its derivative ride in the products' epilogues: the result is in registers there.
 * - Queries, keys and values are one product: they read one input.
 * - Dropout's bits are drawn again wherever they are needed: 20 rounds of Threefry cost less than 4 bytes from memory.
 * - The feed-forward product writes its sum and its activation: the backward pass reads both, and computing GELU again for each tile
 *   that loads it would cost more than it saves.
 * - The backward pass of a layer norm writes two gradients: of the residual, and of what was dropped out.
 * - A gradient of a weight has few tiles and a long sum: it is cut until every processor has a tile, or terms are few. Its partial
 *   results are written and read once, and take a second launch.
 * - Sums over rows (biases, layer norms) are partial sums of the kernel that has the rows, and a finishing launch for all of a norm's.
 * - Logits over the vocabulary lie in memory: written, read for loss and sample, read and overwritten by their gradient, read twice.
 * - Scores: either in memory (`stored`), or on chip from products to product (`flash`: Dao et al. 2022, https://arxiv.org/abs/2205.14135).
 * - The update reads the gradients for their norm, then gradient, parameter and two moments, and writes the latter three.
 */

import type { ElectraConfig } from '../../src/electra/browser.js'
import { slotsOf } from '../../src/electra/data/examples/masking.js'

export type Scores = 'stored' | 'flash'

export type IdealPart = { readonly what: string; readonly elements: number; readonly launches: number }

/** Tiles of the partial results of cut sums. */
const processors = 132
const tile = 128 * 128
/** Terms of a cut sum, at least. */
const fewestTerms = 512

type Encoder = {
  readonly hiddenSize: number
  readonly layers: number
  readonly heads: number
  readonly feedForwardSize: number
}

/** A gradient of an m x n weight, a sum over `rows`, from `reads` elements: with its partial results, where there are any. */
const weightGradient = (m: number, n: number, rows: number, reads: number): IdealPart => {
  const slices = Math.min(Math.round((processors * tile) / (m * n)), Math.floor(rows / fewestTerms))
  return {
    what: 'weight gradient',
    elements: reads + m * n + (slices > 1 ? 2 * slices * m * n : 0),
    launches: slices > 1 ? 2 : 1
  }
}

const sum = (what: string, parts: ReadonlyArray<Omit<IdealPart, 'what'>>): IdealPart => ({
  what,
  elements: parts.reduce((total, { elements }) => total + elements, 0),
  launches: parts.reduce((total, { launches }) => total + launches, 0)
})

const once = (elements: number): Omit<IdealPart, 'what'> => ({ elements, launches: 1 })

/** Reads two and writes two, and finishes the sums over rows of its scale and shift. */
const normBackward = (n: number, h: number): Omit<IdealPart, 'what'> => ({ elements: 4 * n * h, launches: 2 })

const attentionForward = (scores: Scores, n: number, h: number, s: number): ReadonlyArray<Omit<IdealPart, 'what'>> => {
  switch (scores) {
    case 'stored':
      return [
        once(2 * n * h + s), // q k
        once(2 * s), // softmax
        once(s + 2 * n * h) // context
      ]
    case 'flash':
      return [once(4 * n * h)]
  }
}

const attentionBackward = (scores: Scores, n: number, h: number, s: number): ReadonlyArray<Omit<IdealPart, 'what'>> => {
  switch (scores) {
    case 'stored':
      return [
        once(2 * n * h + s), // of the probabilities
        once(s + 2 * n * h), // of the values
        once(3 * s), // of the softmax
        once(s + 2 * n * h), // of the queries
        once(s + 2 * n * h) // of the keys
      ]
    case 'flash':
      return [
        once(2 * n * h), // the rows' sums of output times gradient
        once(8 * n * h) // q, k, v, output and its gradient to three gradients
      ]
  }
}

const layer = (
  scores: Scores,
  n: number,
  length: number,
  { hiddenSize: h, heads, feedForwardSize: f }: Encoder
): IdealPart => {
  const s = n * heads * length
  const forward = [
    once(n * h + 3 * h * h + 3 * n * h), // queries, keys, values
    ...attentionForward(scores, n, h, s),
    once(n * h + h * h + 2 * n * h), // output, residual
    once(2 * n * h), // norm
    once(n * h + h * f + 2 * n * f), // up
    once(n * f + h * f + 2 * n * h), // down, residual
    once(2 * n * h) // norm
  ]
  const backward = [
    normBackward(n, h),
    once(n * h + h * f + 2 * n * f), // of the activation, times its derivative
    weightGradient(f, h, n, n * f + n * h),
    once(n * f + h * f + 2 * n * h), // of the input, plus the residual's
    weightGradient(h, f, n, n * h + n * f),
    normBackward(n, h),
    once(2 * n * h + h * h), // of the context
    weightGradient(h, h, n, 2 * n * h),
    ...attentionBackward(scores, n, h, s),
    once(3 * n * h + 3 * h * h + 2 * n * h), // of the input, plus the residual's
    weightGradient(h, 3 * h, n, 4 * n * h)
  ]
  return sum('layer', [...forward, ...backward])
}

const times = (count: number, { what, elements, launches }: IdealPart, name = what): IdealPart => ({
  what: name,
  elements: count * elements,
  launches: count * launches
})

/** Gathered, added, normalised; backward: normalised, positions summed, words added up in the order of their table. */
const embeddings = (n: number, e: number, v: number): IdealPart =>
  sum('embeddings', [
    once(2 * n * e),
    normBackward(n, e),
    once(n * e), // positions and types
    once(2 * n), // who comes with whom
    once(n * e + v * e) // words
  ])

const projection = (n: number, e: number, h: number): ReadonlyArray<Omit<IdealPart, 'what'>> =>
  e === h ? [] : [once(n * e + e * h + n * h), once(n * h + e * h + n * e), weightGradient(e, h, n, n * e + n * h)]

const generatorHead = (m: number, h: number, e: number, v: number, n: number): IdealPart =>
  sum('generator head', [
    once(m * h + h * e + 2 * m * e), // masked rows, transformed
    once(2 * m * e), // norm
    once(m * e + v * e + m * v), // logits
    once(m * v), // loss and samples
    once(2 * m * v), // their gradient
    once(m * v + v * e + m * e), // of the rows
    weightGradient(v, e, m, m * v + m * e),
    once(v), // of the bias
    normBackward(m, e),
    once(2 * m * e + h * e + n * h), // of the masked rows, in their places
    weightGradient(h, e, m, m * h + m * e)
  ])

const discriminatorHead = (n: number, h: number): IdealPart =>
  sum('discriminator head', [
    once(n * h + h * h + 2 * n * h),
    once(n * h + n), // logits and loss
    once(2 * n * h), // of the activation
    once(2 * n * h + h * h),
    weightGradient(h, h, n, 2 * n * h)
  ])

/** All of a step. `parameters` are those that are updated. */
export const idealStep = (
  scores: Scores,
  { model, generator, batchSize, sequenceLength, maskProbability }: ElectraConfig,
  vocabulary: number,
  parameters: number
): ReadonlyArray<IdealPart> => {
  const n = batchSize * sequenceLength
  const m = batchSize * slotsOf(maskProbability, sequenceLength)
  const { embeddingSize: e, hiddenSize: h } = model
  return [
    times(generator.layers, layer(scores, n, sequenceLength, generator), 'generator layers'),
    times(model.layers, layer(scores, n, sequenceLength, model), 'discriminator layers'),
    times(2, embeddings(n, e, vocabulary)),
    sum('projections', [...projection(n, e, generator.hiddenSize), ...projection(n, e, h)]),
    generatorHead(m, generator.hiddenSize, e, vocabulary, n),
    discriminatorHead(n, h),
    { what: 'norm and update', elements: 8 * parameters, launches: 4 }
  ]
}
