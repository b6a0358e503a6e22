/**
 * Attention that starts on neighbours, by the initial values of parameters alone.
 *
 * The heads of every layer look at the token before, the one behind, the one before the last, and so on. Positions begin as
 * sinusoids, orthogonal to each other and with twice the deviation of words. The queries of each of n heads begin as every n-th of
 * their pairs, and its keys as the same rotated by its offset, so that a query at place p scores highest with the key at p + offset,
 * and alike with all others. Where embeddings are projected, the projection begins as a choice of their columns, so that the layers
 * read sinusoids, too.
 */

import { sinusoids, type Dense, type Encoder, type Initialiser, type ParameterSpec } from '../../nn/index.js'
import { rowsFirst } from '../../nn/initialiser.js'
import { columnSelection, offsetRotation, pairFrequencies } from '../../nn/sinusoids.js'
import type { BodySize } from './body.js'

/** How far from its own token each of the local heads looks. */
const offsetsOf = (heads: number): ReadonlyArray<number> =>
  Array.from({ length: heads }, (_, head) => (head % 2 === 0 ? -1 : 1) * (1 + Math.floor(head / 2)))

/** How many heads begin local: all, or half of them. */
const localHeads = { local: (heads: number) => heads, mixed: (heads: number) => Math.ceil(heads / 2) }

export type LocalAttention = keyof typeof localHeads

/** For each pair of hidden columns the pair of the embeddings that it begins as: evenly spread, or all in turn, again and again. */
const pairsChosen = (embeddingSize: number, hiddenSize: number): ReadonlyArray<number> => {
  const [from, to] = [embeddingSize / 2, hiddenSize / 2]
  return Array.from({ length: to }, (_, k) => (from > to ? Math.floor(((k + 0.5) * from) / to) : k % from))
}

/** The columns of these pairs out of `width`: sines, then cosines. */
const columnsOf = (pairs: ReadonlyArray<number>, width: number): ReadonlyArray<number> => [
  ...pairs,
  ...pairs.map((k) => width / 2 + k)
]

/**
 * What positions have of the variance of an embedding, beside a word and a type, whose deviation truncation makes 0.8796257 of
 * theirs.
 */
const positionShare = 2 / (2 + 2 * 0.8796257 * 0.8796257)

/** How far the score at the offset is above the others: three quarters of the attention in a row of 32, more in a shorter one. */
const localScore = 4.5

/** The encoder with queries and keys that begin so, in all of its heads or in the first half of them. */
export const localAttention = (
  encoder: Encoder<ParameterSpec>,
  { embeddingSize, hiddenSize, heads }: BodySize,
  kind: LocalAttention
): Encoder<ParameterSpec> => {
  const local = localHeads[kind](heads)
  const ofEmbeddings = pairFrequencies(embeddingSize / 2)
  const frequencies = pairsChosen(embeddingSize, hiddenSize).map((k) => ofEmbeddings[k])
  const size = hiddenSize / heads
  const columns = Array.from({ length: local }, (_, head) =>
    columnsOf(
      Array.from({ length: size / 2 }, (_, j) => head + heads * j),
      hiddenSize
    )
  ).flat()
  const queries = columnSelection(columns, Math.sqrt(localScore / (positionShare * Math.sqrt(size))))
  const keys = offsetRotation(frequencies, offsetsOf(local), queries)
  return {
    layer: encoder.layer.map(({ attention: { self, output }, ...layer }) => {
      const from = (part: Dense<ParameterSpec>, initialiser: Initialiser): Dense<ParameterSpec> => ({
        ...part,
        weight: { ...part.weight, initialiser: rowsFirst(local * size, initialiser, part.weight.initialiser) }
      })
      return {
        ...layer,
        attention: { output, self: { ...self, query: from(self.query, queries), key: from(self.key, keys) } }
      }
    })
  }
}

/** The projection of embeddings as a choice of their columns. */
export const localProjection = ({ embeddingSize, hiddenSize }: BodySize): Initialiser =>
  columnSelection(columnsOf(pairsChosen(embeddingSize, hiddenSize), embeddingSize))

/** Positions beside words of the deviation `std`. */
export const localPositions = (std: number): Initialiser => sinusoids(2 * std)
