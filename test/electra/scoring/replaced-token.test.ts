import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { impliedLogLikelihood } from '../../../src/electra/scoring/replaced-token.js'

const probability = fc.double({ min: 1e-6, max: 1 - 1e-6, noNaN: true })

describe('the generative reading of a discriminator', () => {
  it("gives the text's own law back where the discriminator is Bayes' rule", () => {
    fc.assert(
      fc.property(
        probability,
        probability,
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        (data, proposal, masked) => {
          // A token that stands in the text: it was left, or drawn again. Another one drawn: replaced.
          const original = data * (1 - masked + masked * proposal)
          const replaced = masked * proposal * (1 - data)
          const found = impliedLogLikelihood(masked)(Math.log(original / replaced), Math.log(proposal))
          expect(Math.abs(found - Math.log(data))).toBeLessThan(1e-9 * (1 + Math.abs(Math.log(data))))
        }
      )
    )
  })

  it('is never above certainty, rises with the odds, and is finite for any finite logits', () => {
    const logit = fc.double({ min: -1e4, max: 1e4, noNaN: true })
    const logProposal = fc.double({ min: -1e4, max: 0, noNaN: true })
    fc.assert(
      fc.property(logit, logit, logProposal, (a, b, proposal) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)].map((x) => impliedLogLikelihood(0.15)(x, proposal))
        expect(Number.isFinite(low)).toBe(true)
        expect(low).toBeLessThanOrEqual(high + 1e-9 * Math.abs(high))
        expect(high).toBeLessThanOrEqual(1e-9)
      })
    )
  })

  it('of a token that is surely original is 0, of one that is surely replaced minus infinity', () => {
    expect(impliedLogLikelihood(0.15)(Infinity, Math.log(0.2))).toBeCloseTo(0, 15)
    expect(impliedLogLikelihood(0.15)(-Infinity, Math.log(0.2))).toBe(-Infinity)
  })
})
