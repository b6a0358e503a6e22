import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keyedCoins, packExamples, type Coins, type Examples } from '../../../../src/electra/data/examples/examples.js'
import { hostKey } from '../../../../src/tensor/keys.js'
import { lay, rowOf as row, special } from './laid.js'

/** The two segments of an example without their special tokens. */
const segments = (examples: Examples, i: number) => {
  const ids = row(examples, i)
  const first = examples.firstLengths[i]
  return { a: ids.slice(1, first - 1), b: ids.slice(first, Math.max(first, examples.lengths[i] - 1)) }
}

const range = (first: number, last: number): ReadonlyArray<number> =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i)

/** The rule written for lists, one line at a time, as the original reads a file: an empty line ends a document. */
const packNaively = (documents: ReadonlyArray<ReadonlyArray<number>>, length: number, coins: Coins) => {
  const made: Array<{ readonly a: ReadonlyArray<number>; readonly b: ReadonlyArray<number> }> = []
  let pending: Array<ReadonlyArray<number>> = []
  let total = 0
  let target = length
  let id = 1000
  const make = () => {
    let draws = 0
    const coin = coins(made.length)
    const draw = () => coin(draws++)
    const firstTarget = draw() < 0.1 ? 100000 : Math.floor((length - 3) / 2)
    let a: ReadonlyArray<number> = []
    let b: ReadonlyArray<number> = []
    for (const s of pending) {
      if (
        a.length === 0 ||
        a.length + s.length < firstTarget ||
        (b.length === 0 && a.length < firstTarget && draw() < 0.5)
      )
        a = [...a, ...s]
      else b = [...b, ...s]
    }
    a = a.slice(0, length - 2)
    b = b.slice(0, Math.max(0, length - a.length - 3))
    made.push({ a, b })
    pending = []
    total = 0
    target = draw() < 0.05 ? 5 + Math.floor(draw() * (length - 4)) : length
  }
  for (const document of documents) {
    for (const n of document) {
      pending.push(range(id, id + n - 1))
      id += n
      total += n
      if (total >= target) make()
    }
    if (total !== 0) make()
  }
  return made
}

describe('packing', () => {
  it.each([
    ['4, 3, 2, 9', [0.5, 0.4, 0.9], range(1000, 1006), range(1007, 1012)],
    ['4, 3, 2, 9', [0.5, 0.6, 0.9], range(1000, 1003), range(1004, 1012)],
    ['4, 3, 2, 9', [0.05, 0.9], range(1000, 1013), []],
    ['4, 5, 1, 8', [0.5, 0.6, 0.9], [...range(1000, 1003), 1009], [...range(1004, 1008), ...range(1010, 1012)]]
  ])('deals sentences of %s tokens with coins %j as the original does', (lines, coins, a, b) => {
    const examples = packExamples({ sequenceLength: 16, special, coins: () => (draw) => coins[draw] })(
      lay([lines.split(', ').map(Number)])
    )
    expect(examples.count).toBe(1)
    expect(segments(examples, 0)).toEqual({ a, b })
  })

  it('writes [CLS] A [SEP] B [SEP] and pads with 0', () => {
    const examples = packExamples({ sequenceLength: 12, special, coins: () => () => 0.99 })(lay([[4, 2], [1]]))
    expect(row(examples, 0)).toEqual([2, 1000, 1001, 1002, 1003, 3, 1004, 1005, 3, 0, 0, 0])
    expect(row(examples, 1)).toEqual([2, 1006, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    expect([...examples.lengths]).toEqual([9, 3])
    expect([...examples.firstLengths]).toEqual([6, 3])
  })

  it('stops collecting at a short target once in a while', () => {
    // The first example draws a next target of 5 + floor(0.25 * 12) = 8; the second stops there, the third at 16.
    const draws = [
      [0.99, 0.99, 0.01, 0.25],
      [0.99, 0.99, 0.99],
      [0.99, 0.99, 0.99]
    ]
    const examples = packExamples({ sequenceLength: 16, special, coins: (e) => (d) => draws[e][d] })(
      lay([Array.from({ length: 10 }, () => 4)])
    )
    expect([...examples.lengths].map((n) => n - 3)).toEqual([13, 8, 13])
  })

  it('agrees with the rule written for lists', () => {
    const documents = fc.array(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 12 }), {
      maxLength: 6
    })
    fc.assert(
      fc.property(documents, fc.integer({ min: 5, max: 40 }), fc.nat(), (text, length, seed) => {
        // Coins that come up short, single and fair far more often than keyed ones would.
        const coins: Coins = (e) => (d) => keyedCoins(hostKey(seed))(e)(d) / (e % 2 === 0 ? 1 : 12)
        const examples = packExamples({ sequenceLength: length, special, coins })(lay(text))
        const expected = packNaively(text, length, coins)
        expect(Array.from({ length: examples.count }, (_, i) => segments(examples, i))).toEqual(expected)
        expect([...examples.lengths]).toEqual(
          expected.map(({ a, b }) => a.length + b.length + (b.length === 0 ? 2 : 3))
        )
      }),
      { numRuns: 300 }
    )
  })

  it('keeps ids of four bytes when the corpus has them', () => {
    const sentences = { ...lay([[3]]), ids: Uint32Array.from([70_000, 70_001, 70_002]) }
    const examples = packExamples({ sequenceLength: 8, special, coins: () => () => 0.9 })(sentences)
    expect(row(examples, 0)).toEqual([2, 70_000, 70_001, 70_002, 3, 0, 0, 0])
  })

  it('makes nothing of nothing', () => {
    expect(packExamples({ sequenceLength: 8, special, coins: () => () => 0.9 })(lay([])).count).toBe(0)
  })
})
