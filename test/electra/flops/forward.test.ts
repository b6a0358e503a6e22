import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { forwardCount, published } from '../../../src/electra/flops/forward.js'
import type { Network, NetworkSize } from '../../../src/electra/flops/network.js'
import { publishedRows } from '../../../src/electra/flops/published.js'
import { networks } from './networks.js'

const electra = (name: string): ReadonlyArray<Network> => {
  const found = publishedRows.find((row) => row.name === name)?.recipe
  if (found === undefined) throw new Error(`no recipe ${name}`)
  return found.networks
}

const [smallD, smallG] = electra('electra_small')
const [baseD, baseG] = electra('electra_base')
const [largeD, largeG] = electra('electra_400k')

describe('the operations of one sequence', () => {
  // By the official script.
  it.each([
    ["Small's discriminator", smallD, 220_594_816, 1_013_006_336, 161_892_280, 17_137_664],
    ["Small's generator", smallG, 17_400_448, 1_006_690_304, 160_909_240, 1_138_688],
    ["Base's discriminator", baseD, 8_106_543_616, 24_412_028_928, 3_862_867_680, 608_305_152],
    ["Base's generator", baseG, 1_091_570_176, 24_613_486_592, 3_799_953_120, 68_550_656],
    ["Large's discriminator", largeD, 14_029_949_440, 32_549_371_904, 5_186_735_840, 1_079_508_992],
    ["Large's generator", largeG, 1_091_570_176, 32_817_938_432, 5_060_906_720, 68_550_656]
  ])("are those of the paper's script for %s", (_, network, block, embeddingsIn, softmaxOut, binaryOut) => {
    const outputs = [
      { kind: 'softmax', at: 'masked' },
      { kind: 'binary', at: 'all' }
    ] as const
    expect(forwardCount({ ...network, outputs })).toEqual({
      block,
      embeddingsIn,
      softmaxOut,
      binaryOut,
      logitOut: 0,
      total: network.size.layers * block + embeddingsIn + softmaxOut + binaryOut
    })
  })

  it('of a layer of usual proportions are `s (24 h^2 + 56 h + 4 h s + 10 s n + 5)`', () => {
    fc.assert(
      fc.property(networks, (network) => {
        const { hiddenSize: h, heads: n } = network.size
        const s = network.positions
        const usual = { ...network, size: { ...network.size, feedForwardSize: 4 * h } }
        expect(forwardCount(usual).block).toBe(s * (24 * h * h + 56 * h + 4 * h * s + 10 * s * n + 5))
      })
    )
  })

  it('grow by the products that each width has more', () => {
    fc.assert(
      fc.property(networks, fc.integer({ min: 1, max: 100 }), (network, more) => {
        const { size, positions: s } = network
        const wider = (given: Partial<NetworkSize>) => forwardCount({ ...network, size: { ...size, ...given } })
        const { block, embeddingsIn } = forwardCount(network)
        const { hiddenSize: h, embeddingSize: e } = size
        // Two products, an activation and a bias.
        expect(wider({ feedForwardSize: size.feedForwardSize + more }).block - block).toBe(s * more * (4 * h + 9))
        // Softmax, dropout and scaling of the scores.
        expect(wider({ heads: size.heads + more }).block - block).toBe(10 * s * s * more)
        expect(wider({ vocabSize: size.vocabSize + more }).embeddingsIn - embeddingsIn).toBe(2 * s * e * more)
        expect(wider({ typeVocabSize: size.typeVocabSize + more }).embeddingsIn - embeddingsIn).toBe(2 * s * e * more)
      })
    )
  })

  it('have attention twice where there is an encoder to attend to, and nothing else twice', () => {
    fc.assert(
      fc.property(networks, (network) => {
        const without = forwardCount(network)
        const { size, positions: s } = network
        const feedForward = s * size.feedForwardSize * (4 * size.hiddenSize + 9) + 11 * s * size.hiddenSize
        const { block } = forwardCount({ ...network, crossAttention: true })
        expect(block).toBe(2 * without.block - feedForward)
        expect({ ...forwardCount({ ...network, crossAttention: true }), block: 0, total: 0 }).toEqual({
          ...without,
          block: 0,
          total: 0
        })
      })
    )
  })

  it('have heads of any width: those of the hidden width, given as such, are the same', () => {
    fc.assert(
      fc.property(networks, (network) => {
        const { hiddenSize, heads } = network.size
        const given = { ...network, size: { ...network.size, headSize: hiddenSize / heads } }
        expect(forwardCount(given)).toEqual(forwardCount(network))
      })
    )
  })

  it('lack only the products of words in the input where these are looked up', () => {
    fc.assert(
      fc.property(networks, (network) => {
        const { embeddingSize, vocabSize } = network.size
        const dense = forwardCount(network)
        const words = 2 * embeddingSize * vocabSize * network.positions
        expect(forwardCount(network, { ...published, sparseLookup: true })).toEqual({
          ...dense,
          embeddingsIn: dense.embeddingsIn - words,
          total: dense.total - words
        })
      })
    )
  })

  it('of outputs that read something else are those of a network of that width', () => {
    fc.assert(
      fc.property(networks, fc.integer({ min: 1, max: 2048 }), (network, reads) => {
        const outputs = (['softmax', 'binary', 'logit'] as const).map((kind) => ({ kind, at: 'all' as const }))
        const wide = forwardCount({ ...network, outputs, size: { ...network.size, hiddenSize: reads } })
        const reading = forwardCount({ ...network, outputs: outputs.map((output) => ({ ...output, reads })) })
        for (const out of ['softmaxOut', 'binaryOut', 'logitOut'] as const) expect(reading[out]).toBe(wide[out])
        expect(reading.logitOut).toBe(2 * network.positions * reads)
        expect(reading.block).toBe(forwardCount(network).block)
      })
    )
  })

  it('of an output are proportional to the positions that have it', () => {
    fc.assert(
      fc.property(
        networks,
        fc.constantFrom('softmax', 'binary', 'logit'),
        fc.nat({ max: 32 }),
        (network, kind, of32) => {
          const at = (share: number): number => {
            const outputs = [{ kind, at: 'masked' }] as const
            return forwardCount({ ...network, outputs }, { ...published, maskedShare: share })[`${kind}Out`]
          }
          expect(at(of32 / 32)).toBe((at(1) * of32) / 32)
          const everywhere = forwardCount({ ...network, outputs: [{ kind, at: 'all' }] })
          expect(everywhere[`${kind}Out`]).toBe(at(1))
        }
      )
    )
  })
})
