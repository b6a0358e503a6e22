import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { flagged, showSamples } from '../../../src/electra/cli/samples.js'

const pieces = ['[PAD]', 'people', 'interact', 'with', 'social', 'group', '##s', 'thunder', '##al']

const token = fc.record({
  id: fc.integer({ min: 1, max: 8 }),
  original: fc.integer({ min: 1, max: 8 }),
  probability: fc.integer({ min: 0, max: 10 }).map((n) => n / 10)
})

describe('the sentences that a report shows', () => {
  it('have as many flags as replaced tokens, on the most suspicious ones', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(token, { minLength: 1, maxLength: 9 }), { minLength: 1, maxLength: 4 }),
        (judged) => {
          const { sentences, replaced, found, tokens } = flagged(pieces, judged)
          const all = sentences.flat()
          const [on, off] = [all.filter((t) => t.isFlagged), all.filter((t) => !t.isFlagged)]
          expect(all.map((t) => [t.piece, t.original ?? t.piece])).toEqual(
            judged.flat().map((t) => [pieces[t.id], pieces[t.original]])
          )
          expect(tokens).toBe(all.length)
          expect(replaced).toBe(judged.flat().filter((t) => t.id !== t.original).length)
          expect(on).toHaveLength(replaced)
          expect(found).toBe(on.filter((t) => t.original !== undefined).length)
          const least = Math.min(...on.map((t) => t.probability))
          expect(off.every((t) => t.probability <= least)).toBe(true)
        }
      )
    )
  })

  it('read as text, with what was put for what, and stars around what is flagged', () => {
    const judged = [
      [
        { id: 1, original: 1, probability: 0.1 },
        { id: 2, original: 2, probability: 0.7 },
        { id: 3, original: 3, probability: 0.1 },
        { id: 7, original: 4, probability: 0.9 },
        { id: 5, original: 5, probability: 0.2 },
        { id: 8, original: 6, probability: 0.3 }
      ]
    ]
    const text = showSamples(flagged(pieces, judged))
    expect(text).toContain('\n  people *interact* with *<thunder|social>* group<al|s>\n')
    expect(text.replaceAll('\n', ' ')).toContain(
      'Of 6 tokens 2 were replaced. Of as many, the most suspicious, 1 was: precision and recall 0.50, where guessing gives 0.33.'
    )
  })

  it('say so where nothing was replaced', () => {
    const text = showSamples(flagged(pieces, [[{ id: 1, original: 1, probability: 0.4 }]]))
    expect(text).toContain('Of 1 token 0 were replaced')
    expect(text).not.toMatch(/NaN|\*people\*/)
  })

  it('can be read back, whatever marks the text has itself', () => {
    const piece = fc.stringMatching(/^[a()[\]<>|*\\{}-]{1,4}$/)
    const marked = fc.record({ piece, original: fc.option(piece, { nil: undefined }), isFlagged: fc.boolean() })
    const unescaped = (text: string): string => text.replace(/\\(.)/g, '$1')
    fc.assert(
      fc.property(fc.array(marked, { minLength: 1, maxLength: 8 }), (tokens) => {
        const sentence = tokens.map((token) => ({ ...token, probability: 0.5 }))
        const shown = showSamples({ sentences: [sentence], replaced: 1, found: 1, tokens: 1 }).split('\n\n')[1]
        const read = shown
          .trim()
          .split(/\s+/)
          .map((word) => /^(\*?)(?:<((?:[^\\<>|*]|\\.)+)\|((?:[^\\<>|*]|\\.)+)>|((?:[^\\<>|*]|\\.)+))(\*?)$/.exec(word))
          .map((found): unknown => ({
            piece: unescaped(found?.[2] ?? found?.[4] ?? ''),
            original: found?.[3] === undefined ? undefined : unescaped(found[3]),
            isFlagged: found?.[1] === '*' && found[5] === '*'
          }))
        expect(read).toEqual(tokens)
      })
    )
  })
})
