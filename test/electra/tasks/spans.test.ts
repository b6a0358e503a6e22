import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { officialSpans, seqevalSpans, tagsOfSpans, type Span } from '../../../src/electra/tasks/spans.js'
import { golden } from './golden.js'

const written = (spans: ReadonlyArray<Span>) => spans.map(({ start, end, type }) => [start, end, type])

/** Spans that do not overlap: gaps and lengths in turn. */
const layouts = fc.array(
  fc.record({
    gap: fc.integer({ min: 0, max: 2 }),
    length: fc.integer({ min: 1, max: 3 }),
    type: fc.constantFrom('X', 'Y', 'A-B')
  }),
  { maxLength: 5 }
)

const laidOut = (layout: ReadonlyArray<{ gap: number; length: number; type: string }>) => {
  let at = 0
  const spans = layout.map(({ gap, length, type }) => {
    const start = at + gap
    at = start + length
    return { start, end: at - 1, type }
  })
  return { spans, length: at + 1 }
}

describe('spans', () => {
  it('are what seqeval and the official repository decode', () => {
    for (const { sentences, ...expected } of golden.tags)
      sentences.forEach(([, tags], i) => {
        expect(written(seqevalSpans(tags))).toEqual(expected.seqevalSpans[i])
        expect(written(officialSpans(tags))).toEqual(expected.officialSpans[i])
        const spans = officialSpans(tags)
        expect(tagsOfSpans('BIOES', tags.length)(spans)).toEqual(expected.bioes[i])
        expect(tagsOfSpans('BIO', tags.length)(spans)).toEqual(expected.bio[i])
      })
  })

  it('come back from their tags, in either scheme and by either decoding', () => {
    fc.assert(
      fc.property(
        layouts,
        fc.constantFrom('BIO' as const, 'BIOES' as const),
        fc.constantFrom(officialSpans, seqevalSpans),
        (layout, scheme, spansOf) => {
          const { spans, length } = laidOut(layout)
          expect(spansOf(tagsOfSpans(scheme, length)(spans))).toEqual(spans)
        }
      )
    )
  })

  it('are told apart by a change of type in seqeval, and not in the official repository', () => {
    const tags = ['I-NP', 'I-NP', 'I-VP', 'O', 'I-NP']
    expect(written(officialSpans(tags))).toEqual([
      [0, 2, 'VP'],
      [4, 4, 'NP']
    ])
    expect(written(seqevalSpans(tags))).toEqual([
      [0, 1, 'NP'],
      [2, 2, 'VP'],
      [4, 4, 'NP']
    ])
  })

  it('become BIOES as in the official repository', () => {
    const tags = ['B-NP', 'I-NP', 'O', 'B-VP', 'B-NP', 'I-NP']
    expect(tagsOfSpans('BIOES', 6)(officialSpans(tags))).toEqual(['B-NP', 'E-NP', 'O', 'S-VP', 'B-NP', 'E-NP'])
  })

  it('are found in order and within the sentence, whatever the tags are', () => {
    const tag = fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom('O', 'B-X', 'I-X', 'E-X', 'S-Y', '-', 'B-'))
    fc.assert(
      fc.property(fc.array(tag, { maxLength: 8 }), fc.constantFrom(officialSpans, seqevalSpans), (tags, spansOf) => {
        const spans = spansOf(tags)
        spans.forEach(({ start, end }, i) => {
          expect(start).toBeGreaterThan(i === 0 ? -1 : spans[i - 1].end)
          expect(end).toBeGreaterThanOrEqual(start)
          expect(end).toBeLessThan(tags.length)
        })
        expect(tagsOfSpans('BIOES', tags.length)(spans)).toHaveLength(tags.length)
      })
    )
  })
})
