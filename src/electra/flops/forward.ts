/**
 * Floating-point operations of a forward pass, by the rules of the ELECTRA paper's own count.
 *
 * A multiplication and an addition are two operations, so a product `m x k x n` takes `2 m k n`, and any elementary function is one.
 * Embeddings are looked up by dense products with one-hot vectors. Dropout takes 4 operations an element (a random number, a
 * comparison, two multiplications), a layer norm 5, an activation 8, a softmax 5.
 *
 * Source: `flops_computation.py` of https://github.com/google-research/electra, with its quirks: the layer norm behind attention
 * is counted as if it had one element.
 */

import type { Network, Output } from './network.js'

export type Accounting = {
  /** Words are looked up rather than multiplied out, as programs do: their products in the input are not counted. */
  readonly sparseLookup: boolean
  /** The part of the positions at which a token is to be predicted. */
  readonly maskedShare: number
}

/**
 * As the paper counts: dense, and 20 of 128 positions masked whatever is masked, also for its large model, which masks 25 %.
 */
export const published: Accounting = { sparseLookup: false, maskedShare: 0.15625 }

/** Operations of one sequence. */
export type ForwardCount = {
  /** Of one layer. */
  readonly block: number
  readonly embeddingsIn: number
  /** 0 where there is none. */
  readonly softmaxOut: number
  readonly binaryOut: number
  readonly logitOut: number
  /** Of all layers, the input and the outputs. */
  readonly total: number
}

const perElement = { dropout: 4, layerNorm: 5, activation: 8, softmax: 5 } as const

/**
 *     s [ a (6 h k + 3 k + 2 k s + 5 s n + 4 s n + s n + 2 h s + 2 h^2 + h + 4 h + h + 5) + 2 h i + 8 i + i + 2 h i + h + 4 h + h + 5 h ]
 *
 * of length s, width h, n heads of width k together, feed-forward width i; a is 2 with cross attention, else 1. Terms in order:
 * queries, keys and values, their biases, scores, softmax, dropout, scaling, weighted average, output, its bias, dropout, residual,
 * layer norm; then the feed-forward layer alike.
 */
const blockOf = ({ size, positions: s, crossAttention = false }: Network): number => {
  const { hiddenSize: h, heads: n, feedForwardSize: i, headSize } = size
  const k = headSize === undefined ? h : headSize * n
  const { dropout, layerNorm, activation, softmax } = perElement
  const scores = 2 * k * s + (softmax + dropout + 1) * s * n + 2 * h * s
  // The official count's layer norm of one element, not of h.
  const attention = 3 * (2 * h * k + k) + scores + 2 * h * h + h + dropout * h + h + layerNorm
  const feedForward = 2 * h * i + (activation + 1) * i + 2 * h * i + h + dropout * h + h + layerNorm * h
  return s * ((crossAttention ? 2 : 1) * attention + feedForward)
}

/** `s [ 2 e v + 2 e (s + types) + 2 e + 5 e + 4 e + (2 h e + h  if e != h) ]`: words, positions and types, their sum, norm, dropout, projection. */
const embeddingsInOf = ({ size, positions: s }: Network, sparseLookup: boolean): number => {
  const { embeddingSize: e, hiddenSize: h, vocabSize, typeVocabSize } = size
  const words = sparseLookup ? 0 : 2 * e * vocabSize
  const added = 2 * e * (s + typeVocabSize) + 2 * e
  const projected = e === h ? 0 : 2 * h * e + h
  return s * (words + added + (perElement.layerNorm + perElement.dropout) * e + projected)
}

/** `2 e v + 2 h e + e + 8 e + 5 e + 5 v + 2 v`: softmax's product, a hidden layer, its norm; softmax; the loss. */
const softmaxPerPosition = ({ embeddingSize: e, vocabSize: v }: Network['size'], h: number): number =>
  2 * e * v + 2 * h * e + e + (perElement.activation + perElement.layerNorm) * e + (perElement.softmax + 2) * v

/** `2 h^2 + h + 8 h + 2 h`: a hidden layer, and a logit. */
const binaryPerPosition = (_: Network['size'], h: number): number => 2 * h * h + h + perElement.activation * h + 2 * h

const perPosition = {
  softmax: softmaxPerPosition,
  binary: binaryPerPosition,
  logit: (_: Network['size'], h: number): number => 2 * h
} as const

/** All terms are integers and the paper's share a dyadic fraction, so sums up to 2^53 are exact in any order. */
export const forwardCount = (network: Network, { sparseLookup, maskedShare }: Accounting = published): ForwardCount => {
  const { size, positions, outputs } = network
  const outputOf = (kind: Output['kind']): number =>
    outputs
      .filter((output) => output.kind === kind)
      .reduce((sum, { at, reads = size.hiddenSize }) => {
        const share = at === 'all' ? 1 : maskedShare
        return sum + share * perPosition[kind](size, reads) * positions
      }, 0)
  const block = blockOf(network)
  const embeddingsIn = embeddingsInOf(network, sparseLookup)
  const [softmaxOut, binaryOut, logitOut] = [outputOf('softmax'), outputOf('binary'), outputOf('logit')]
  return {
    block,
    embeddingsIn,
    softmaxOut,
    binaryOut,
    logitOut,
    total: size.layers * block + embeddingsIn + softmaxOut + binaryOut + logitOut
  }
}
