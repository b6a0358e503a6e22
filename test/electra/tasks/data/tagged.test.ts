import { isLeft } from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { conllReader, printConll } from '../../../../src/electra/tasks/data/conll.js'
import { conlluReader } from '../../../../src/electra/tasks/data/conllu.js'
import { showTaskDataError } from '../../../../src/electra/tasks/data/data-error.js'
import type { TaggedSentence } from '../../../../src/electra/tasks/data/examples.js'
import { parseLines, type ReadRules } from '../../../../src/electra/tasks/data/reader.js'
import { left, right } from '../../data/right.js'

const strict: ReadRules = { skipMalformed: false }
const lenient: ReadRules = { skipMalformed: true }
const conll = (rules = strict) => parseLines(conllReader, rules, 'f')
const conllu = (rules = strict) => parseLines(conlluReader('upos'), rules, 'f')

/** What can be a column: no space, tab or line end, and not a line that is no word. */
const word = fc
  .oneof(
    fc.constantFrom('a', '#', '"', '10\u00a0000', '-', '1-2'),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 4 })
  )
  .filter((text) => !/[ \t\n\r]/.test(text) && text.trim() !== '' && text !== '-DOCSTART-')

const sentences = fc.array(
  fc.array(fc.tuple(word, word), { minLength: 1, maxLength: 4 }).map((pairs): TaggedSentence => ({
    words: pairs.map(([w]) => w),
    tags: pairs.map(([, tag]) => tag)
  })),
  { minLength: 1, maxLength: 4 }
)

describe('tagged sentences', () => {
  it('come back from columns as they were printed, the predicted tag last', () => {
    fc.assert(
      fc.property(sentences, fc.boolean(), (printed, withTags) => {
        const text = printConll(
          printed.map(({ words, tags }) => ({ words, predictions: tags, ...(withTags ? { tags: [...words] } : {}) }))
        )
        expect(right(conll()(text.split('\n'))).examples).toEqual(printed)
      })
    )
  })

  it('come back from CoNLL-U, without comments, multiword tokens and empty nodes', () => {
    fc.assert(
      fc.property(sentences, fc.constantFrom('upos' as const, 'xpos' as const), (printed, pos) => {
        const lines = printed.flatMap(({ words, tags }, s) => [
          `# sent_id = ${s}`,
          '1-2\tdu\t_\t_\t_\t_\t_\t_\t_\t_',
          ...words.map((w, i) =>
            [
              i + 1,
              w,
              '_',
              pos === 'upos' ? tags[i] : 'X',
              pos === 'xpos' ? tags[i] : 'X',
              '_',
              '0',
              '_',
              '_',
              '_'
            ].join('\t')
          ),
          '5.1\tleft\t_\tVERB\t_\t_\t_\t_\t_\t_',
          ''
        ])
        const read = parseLines(conlluReader(pos), strict, 'f')
        expect(right(read(lines)).examples).toEqual(printed)
        // The empty line behind the last sentence may be missing.
        expect(right(read(lines.slice(0, -1))).examples).toEqual(printed)
      })
    )
  })

  it('keep a last sentence, and leave out what is no word', () => {
    const { examples } = right(
      conll()(['-DOCSTART- -X- O O', '', 'EU NNP B-NP B-ORG', 'rejects\tVBZ  B-VP O ', ' ', '', 'it PRP O'])
    )
    expect(examples).toEqual([
      { words: ['EU', 'rejects'], tags: ['B-ORG', 'O'] },
      { words: ['it'], tags: ['O'] }
    ])
  })

  it('are malformed where a line is', () => {
    expect(showTaskDataError(left(conll()(['a B', 'b'])))).toBe(
      'f, line 2: found the one column "b", expected a word, and its tag last; correct it, or remove it'
    )
    expect(right(conll(lenient)(['a B', 'b', 'c D'])).examples).toEqual([{ words: ['a', 'c'], tags: ['B', 'D'] }])
    const rest = '\t_\tX\t_\t_\t_\t_\t_\t_'
    expect(left(conllu()(['1\ta\tb']))).toMatchObject({ where: 'line 1', found: '3 columns' })
    expect(left(conllu()([`x\ta${rest}`]))).toMatchObject({ found: 'the id "x"' })
    expect(left(conllu()([`1\t${rest}`]))).toMatchObject({ found: 'an empty column' })
  })

  it('are printed with O where there is no prediction, and with words that stay one', () => {
    expect(printConll([{ words: ['10 000', 'x'], predictions: ['B-N'] }])).toBe('10\u00a0000 B-N\nx O\n\n')
  })

  it('are data, or an error, whatever stands in the file', () => {
    const lines = fc.array(fc.string({ unit: fc.constantFrom('\t', ' ', '#', '1', '-', '.', 'a', '_') }), {
      maxLength: 8
    })
    fc.assert(
      fc.property(lines, fc.boolean(), (text, skipMalformed) => {
        for (const read of [conll({ skipMalformed })(text), conllu({ skipMalformed })(text)])
          if (isLeft(read)) expect(showTaskDataError(read.left)).toMatch(/^f[,:]/)
          else for (const { words, tags } of read.right.examples) expect(words).toHaveLength(tags.length)
      })
    )
  })

  it('may be of many words', () => {
    const words = Array.from({ length: 20000 }, (_, i) => `w${i} T`)
    expect(right(conll()(words)).examples[0].words).toHaveLength(20000)
  })
})
