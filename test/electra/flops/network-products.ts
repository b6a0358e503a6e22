/** The products of a described network, written down from its sizes alone. */

import type { Network, Output } from '../../../src/electra/flops/network.js'

const product = (m: number, k: number, n: number): number => 2 * m * k * n

/**
 * Operations of the products that a network takes forward on one sequence, words being looked up: `2 m n k` each. `slots` is how
 * many of its positions are masked.
 */
export const networkProducts = ({ size, positions: s, outputs }: Network, slots: number): number => {
  const { hiddenSize: h, feedForwardSize: f, embeddingSize: e, layers, vocabSize } = size
  const layer = 4 * product(s, h, h) + 2 * product(s, h, s) + product(s, h, f) + product(s, f, h)
  const output = ({ kind, at, reads = h }: Output): number => {
    const m = at === 'all' ? s : slots
    if (kind === 'softmax') return product(m, reads, e) + product(m, e, vocabSize)
    return product(m, reads, 1) + (kind === 'binary' ? product(m, reads, reads) : 0)
  }
  return (e === h ? 0 : product(s, e, h)) + layers * layer + outputs.reduce((sum, out) => sum + output(out), 0)
}

/** Those of its single logits alone. */
export const logitProducts = (network: Network, slots: number): number => {
  const outputs = network.outputs.filter(({ kind }) => kind !== 'logit')
  return networkProducts(network, slots) - networkProducts({ ...network, outputs }, slots)
}
