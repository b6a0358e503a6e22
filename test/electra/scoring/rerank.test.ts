import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { best, chooseLambda, lambdaGrid, wordErrorRate, wordErrors } from '../../../src/electra/scoring/rerank.js'

const real = fc.double({ min: -50, max: 0, noNaN: true })
const words = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 6 }).map((list) => list.join(' '))
const hypotheses = fc.array(fc.record({ text: words, score: real, likelihood: real }), { minLength: 1, maxLength: 5 })

describe('the best hypothesis', () => {
  it('is at least as good as any other by score and weighed likelihood, and the first of equals', () => {
    fc.assert(
      fc.property(hypotheses, fc.double({ min: 0, max: 2, noNaN: true }), (list, lambda) => {
        const value = (h: (typeof list)[number]) => h.score + lambda * h.likelihood
        const found = best(lambda)({ hypotheses: list })
        expect(value(found)).toBe(Math.max(...list.map(value)))
        expect(list.indexOf(found)).toBe(list.findIndex((h) => value(h) === value(found)))
      })
    )
  })
})

describe('errors of words', () => {
  it.each([
    ['the cat sat', 'the cat sat', 0],
    ['the cat sat', 'the cat', 1],
    ['the cat sat', 'a the cat sat', 1],
    ['the cat sat', 'the dog sat', 1],
    ['', 'two words', 2],
    // The usual example of letters, as words.
    ['k i t t e n', 's i t t i n g', 3]
  ])('from %j to %j are %i', (reference, hypothesis, n) => {
    expect(wordErrors(reference, hypothesis)).toBe(n)
  })

  it('are a distance: symmetric, none between equals, and no longer on a detour', () => {
    fc.assert(
      fc.property(words, words, words, (a, b, c) => {
        expect(wordErrors(a, b)).toBe(wordErrors(b, a))
        expect(wordErrors(a, b) === 0).toBe(a === b)
        expect(wordErrors(a, c)).toBeLessThanOrEqual(wordErrors(a, b) + wordErrors(b, c))
      })
    )
  })
})

describe('the chosen lambda', () => {
  it('errs no more than any other of the grid', () => {
    const lists = fc.array(fc.record({ id: fc.string(), hypotheses, reference: words }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(lists, (all) => {
        fc.pre(all.some(({ reference }) => reference !== ''))
        const { lambda, errorRate } = chooseLambda(all)
        expect(errorRate).toBe(Math.min(...lambdaGrid.map((x) => wordErrorRate(x, all))))
        expect(wordErrorRate(lambda, all)).toBe(errorRate)
      })
    )
    expect(lambdaGrid[0]).toBe(0.05)
    expect(lambdaGrid.at(-1)).toBe(1)
  })

  it('has no error rate without a reference', () => {
    expect(wordErrorRate(1, [{ id: 'x', hypotheses: [{ text: 'a', score: 0, likelihood: 0 }] }])).toBeNaN()
  })
})
