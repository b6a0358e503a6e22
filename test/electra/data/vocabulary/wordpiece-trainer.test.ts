import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countWords } from '../../../../src/electra/data/vocabulary/tokenizer.js'
import { uncased } from '../../../../src/electra/data/vocabulary/tokenizer-json.js'
import { specialPieces } from '../../../../src/electra/data/vocabulary/vocabulary.js'
import { trainVocabulary } from '../../../../src/electra/data/vocabulary/wordpiece-trainer.js'
import { left, right } from '../right.js'
import { specPieces } from './spec-tokenizer.js'

const wordCounts = fc
  .array(
    fc.tuple(
      fc.string({ unit: fc.constantFrom(...'aab😀é'), minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 5 })
    ),
    {
      minLength: 1,
      maxLength: 12
    }
  )
  .map((entries) => new Map(entries))

const train = (counts: ReadonlyMap<string, number>, size = 10_000) => right(trainVocabulary(counts, { size })).pieces

/** The same training by counting every pair anew before every merge. Ties fall to the pieces that are older. */
const trainNaively = (counts: ReadonlyMap<string, number>, size: number): ReadonlyArray<string> => {
  let words = [...counts].map(([word, count]) => ({ forms: [...word].map((c, i) => (i === 0 ? c : `##${c}`)), count }))
  const forms = [...new Set(words.flatMap((w) => w.forms))].sort()
  const isContinuing = (form: string) => form.startsWith('##')
  const pieces = [...specialPieces, ...forms.filter((f) => !isContinuing(f)), ...forms.filter(isContinuing)]
  while (pieces.length < size) {
    const pairs = new Map<string, number>()
    for (const { forms, count } of words)
      for (let i = 0; i + 1 < forms.length; i++) {
        const pair = `${pieces.indexOf(forms[i])} ${pieces.indexOf(forms[i + 1])}`
        pairs.set(pair, (pairs.get(pair) ?? 0) + count)
      }
    const best = [...pairs]
      .map(([pair, count]) => ({ left: Number(pair.split(' ')[0]), right: Number(pair.split(' ')[1]), count }))
      .filter(({ count }) => count >= 2)
      .sort((a, b) => b.count - a.count || a.left - b.left || a.right - b.right)
      .at(0)
    if (best === undefined) break
    const [left, right] = [pieces[best.left], pieces[best.right]]
    const joined = left + right.slice(2)
    if (!pieces.includes(joined)) pieces.push(joined)
    words = words.map(({ forms, count }) => {
      const out: Array<string> = []
      for (let i = 0; i < forms.length; i++)
        if (forms[i] === left && forms[i + 1] === right) {
          out.push(joined)
          i++
        } else out.push(forms[i])
      return { forms: out, count }
    })
  }
  return pieces
}

describe('a trained vocabulary', () => {
  it('is what counting every pair anew would give', () => {
    fc.assert(
      fc.property(wordCounts, fc.integer({ min: 15, max: 40 }), (counts, size) => {
        expect(train(counts, size)).toEqual(trainNaively(counts, size))
      }),
      { numRuns: 300 }
    )
  })

  it('spells every word it was trained on', () => {
    fc.assert(
      fc.property(wordCounts, fc.integer({ min: 15, max: 40 }), (counts, size) => {
        const spell = specPieces(new Set(train(counts, size)))
        for (const word of counts.keys())
          expect(
            spell(word)
              .map((piece, i) => (i === 0 ? piece : piece.slice(2)))
              .join('')
          ).toBe(word)
      })
    )
  })

  it('does not depend on the order of the words', () => {
    fc.assert(
      fc.property(wordCounts, (counts) => {
        expect(train(new Map([...counts].reverse()))).toEqual(train(counts))
      })
    )
  })

  it('starts with every smaller one: pieces come in the order they were made', () => {
    fc.assert(
      fc.property(wordCounts, fc.integer({ min: 15, max: 40 }), (counts, size) => {
        const whole = train(counts)
        expect(train(counts, size)).toEqual(whole.slice(0, size))
      })
    )
  })

  it('merges the most frequent pair first', () => {
    const counts = new Map([
      ['low', 5],
      ['lower', 2],
      ['newest', 6],
      ['widest', 3]
    ])
    const merges = train(counts).slice(specialPieces.length + new Set('lnw').size + new Set('owersidt').size)
    expect(merges.slice(0, 5)).toEqual(['##es', '##est', 'lo', 'low', 'ne'])
  })

  it('has exactly the size asked for on real text, and a word of the text is a piece of it', () => {
    const spaced = new Map<string, number>()
    for (const word of readFileSync('data/sample/sociology.txt', 'utf8').split(/\s+/))
      spaced.set(word, (spaced.get(word) ?? 0) + 1)
    const counts = right(countWords(uncased, spaced))
    const pieces = train(counts, 4000)
    expect(pieces).toHaveLength(4000)
    expect(pieces).toContain('society')
    const spell = specPieces(new Set(pieces))
    expect([...counts.keys()].filter((word) => spell(word).includes('[UNK]'))).toEqual([])
  })

  it('keeps every character that fits, and spells every word made of those', () => {
    const counts = fc.uniqueArray(fc.integer({ min: 0x4e00, max: 0x9fff }), { minLength: 1, maxLength: 3000 })
    fc.assert(
      fc.property(counts, fc.integer({ min: 6, max: 3100 }), (points, size) => {
        // The first is the most frequent.
        const words = points.map((point, i) => [String.fromCodePoint(point), points.length - i] as const)
        const pieces = train(new Map(words), size)
        expect(pieces.slice(specialPieces.length).sort()).toEqual(
          words
            .slice(0, size - specialPieces.length)
            .map(([c]) => c)
            .sort()
        )
      }),
      { numRuns: 50 }
    )
    fc.assert(
      fc.property(wordCounts, fc.integer({ min: 6, max: 14 }), (words, size) => {
        const trained = trainVocabulary(words, { size })
        fc.pre(trained._tag === 'Right')
        const alphabet = new Set(trained.right.pieces.flatMap((piece) => [...piece.replace('##', '')]))
        const spell = specPieces(new Set(trained.right.pieces))
        expect(trained.right.pieces.length).toBeLessThanOrEqual(size)
        for (const word of words.keys())
          if (spell(word).includes('[UNK]')) expect([...word].every((c) => alphabet.has(c))).toBe(false)
      })
    )
  })

  it('leaves the rarest characters out when there are more than the limit, and keeps all other words whole', () => {
    const counts = new Map([
      ['aab', 3],
      ['ba', 2],
      ['za', 1]
    ])
    const without = [...specialPieces, 'a', 'b', '##a', '##b', 'aa', 'aab', 'ba']
    expect(right(trainVocabulary(counts, { size: 100, alphabet: 2 })).pieces).toEqual(without)
    expect(right(trainVocabulary(counts, { size: 100, leastCount: 2 })).pieces).toEqual(without)
    expect(specPieces(new Set(without))('za')).toEqual(['[UNK]'])
    expect(right(trainVocabulary(counts, { size: 100, leastCount: 3 })).pieces).toEqual(without.slice(0, -1))
  })

  it('holds no more than its size, and at least one word', () => {
    expect(left(trainVocabulary(new Map([['ab', 2]]), { size: 6 }))).toEqual({
      _tag: 'VocabularySize',
      found: 6,
      expected: 'enough for some word of the text; 7 hold all: 5 special pieces and an alphabet of 2'
    })
    expect(right(trainVocabulary(new Map([['ab', 2]]), { size: 7 })).pieces).toHaveLength(7)
  })

  it('cannot be made of no words', () => {
    expect(left(trainVocabulary(new Map(), { size: 100 }))).toMatchObject({ _tag: 'VocabularySize' })
  })
})
