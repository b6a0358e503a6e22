import { isLeft } from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { classNames } from '../../../../src/electra/tasks/data/columns.js'
import { parseCsv } from '../../../../src/electra/tasks/data/csv.js'
import { showTaskDataError } from '../../../../src/electra/tasks/data/data-error.js'
import type { SentenceExample } from '../../../../src/electra/tasks/data/examples.js'
import { parseLines, type ReadRules } from '../../../../src/electra/tasks/data/reader.js'
import { jsonlReader, parseCsvTable, tsvReader, type Table } from '../../../../src/electra/tasks/data/table.js'
import { left, right } from '../../data/right.js'

const strict: ReadRules = { skipMalformed: false }
const lenient: ReadRules = { skipMalformed: true }

const named = { textA: 'first', textB: 'second', label: 'class' }
const binary = { _tag: 'classes', names: ['no', 'yes'] } as const
const table = (form: Table['form'], more: Partial<Table> = {}): Table => ({
  ...{ form, header: true, columns: named, labels: { _tag: 'any' } },
  ...more
})

/** Lines of a file of this form, and what they are read as. */
const reading =
  (t: Table, rules = strict) =>
  (lines: ReadonlyArray<string>) => {
    switch (t.form) {
      case 'tsv':
        return parseLines(tsvReader(t), rules, 'f')(lines)
      case 'jsonl':
        return parseLines(jsonlReader(t), rules, 'f')(lines)
      case 'csv':
        return parseCsvTable(t, rules, 'f')(lines.join('\n'))
    }
  }

const forms = fc.constantFrom('tsv' as const, 'csv' as const, 'jsonl' as const)

const quotedCell = (cell: string): string => `"${cell.replaceAll('"', '""')}"`

const row = {
  tsv: (e: SentenceExample) => [e.label, 'x', e.textA, e.textB].join('\t'),
  csv: (e: SentenceExample) => [e.label, 'x', e.textA, e.textB].map((cell) => quotedCell(cell ?? '')).join(','),
  jsonl: (e: SentenceExample) => JSON.stringify({ class: e.label, other: [1], first: e.textA, second: e.textB })
}

const headers = { tsv: ['class\tother\tfirst\tsecond'], csv: ['class,"other",first,second'], jsonl: [] }

/** What no form splits at: a tab or a line end only where it is quoted. */
const texts = (form: Table['form']) =>
  fc.string({ unit: 'grapheme', maxLength: 8 }).map((text) => (form === 'tsv' ? text.replace(/[\t\n\r]/g, ' ') : text))

const examples = (form: Table['form']) =>
  fc
    .array(fc.record({ textA: texts(form), textB: texts(form), label: fc.constantFrom('yes', 'no', '"', "it's") }), {
      minLength: 1,
      maxLength: 6
    })
    .map((rows) => rows.map((e, i) => ({ id: String(i), ...e })))

describe('a table', () => {
  it('gives the examples that were printed, in each form', () => {
    const cases = forms.chain((form) => fc.tuple(fc.constant(form), examples(form)))
    fc.assert(
      fc.property(cases, ([form, printed]) => {
        const read = reading(table(form))([...headers[form], ...printed.map(row[form])])
        expect(right(read)).toEqual({ examples: printed, skipped: [] })
      })
    )
  })

  it('is read from columns by their places too, from either end', () => {
    const columns = { textA: 0, textB: -2, label: -1 }
    const read = reading(table('tsv', { header: false, columns }))(['a\tb\tyes', 'c\tx\ty\td\tno'])
    expect(right(read).examples).toEqual([
      { id: '0', textA: 'a', textB: 'b', label: 'yes' },
      { id: '1', textA: 'c', textB: 'd', label: 'no' }
    ])
  })

  it('of tabs has quotes for characters', () => {
    const read = reading(table('tsv', { header: false, columns: { textA: 0, label: 1 } }))(['"say ""x"\tyes'])
    expect(right(read).examples).toEqual([{ id: '0', textA: '"say ""x"', label: 'yes' }])
  })

  it('of commas keeps line ends that are quoted', () => {
    const read = reading(table('csv', { header: false, columns: { textA: 1 } }))(['1,"a', 'b, ""c"""', '', '2,d'])
    expect(right(read).examples.map((e) => e.textA)).toEqual(['a\nb, "c"', 'd'])
  })

  it('ends at the first row that is malformed, and names it', () => {
    const lines = ['class\tother\tfirst\tsecond', 'yes\tx\ta\tb', 'yes\tx\ta', '', 'perhaps\tx\ta\tb', 'no\tx\tc\td']
    const t = table('tsv', { labels: binary })
    expect(showTaskDataError(left(reading(t)(lines)))).toBe(
      'f, line 3: found 3 columns, expected a column 4; correct it, or remove it'
    )
    const { examples: read, skipped } = right(reading(t, lenient)(lines))
    expect(read.map(({ id }) => id)).toEqual(['0', '3'])
    expect(skipped).toEqual([
      { why: 'rows without a column 4', count: 1, first: 'f, line 3: 3 columns' },
      { why: 'rows without a label that is one of "no", "yes"', count: 1, first: 'f, line 5: the label "perhaps"' }
    ])
  })

  it('has columns of other names, or of one name, once for all', () => {
    const asked = (form: 'tsv' | 'csv', header: string) =>
      showTaskDataError(left(reading(table(form), lenient)([header, 'a'])))
    expect(asked('tsv', 'class\tfirst')).toBe(
      'f, line 1: found the columns "class", "first", expected a column called "second"'
    )
    expect(asked('csv', 'class,first,second,first')).toContain('expected one column called "first"')
    expect(left(reading(table('tsv', { header: false }), lenient)(['a']))).toMatchObject({ _tag: 'OtherFormat' })
    expect(left(reading(table('jsonl', { columns: { textA: 1 } }), lenient)(['{}']))).toMatchObject({
      _tag: 'OtherFormat'
    })
  })

  it.each(['', ' ', 'x', 'NaN', '5.01', '-0.001', 'Infinity'])('has no score %j', (score) => {
    const t = table('tsv', {
      ...{ header: false, columns: { textA: 0, label: 1 } },
      labels: { _tag: 'scores', least: 0, most: 5 }
    })
    expect(left(reading(t)([`a\t${score}`]))).toMatchObject({ _tag: 'MalformedRow', where: 'line 1' })
    expect(right(reading(t)(['a\t5', 'b\t0.25', 'c\t0e0'])).examples).toHaveLength(3)
  })

  it.each([
    ['[1]', '[1]'],
    ['{"first": 1', 'text that is not JSON'],
    ['{"first": "a", "first": "b"}', 'the key "first" twice in one object'],
    [`{"first": ${'['.repeat(20)}${']'.repeat(20)}}`, 'JSON nested deeper than 16'],
    ['{"first": null}', 'the columns "first"'],
    ['{}', 'the columns ']
  ])('of JSON has no row %s', (line, found) => {
    const t = table('jsonl', { columns: { textA: 'first' } })
    expect(left(reading(t)([line]))).toMatchObject({ _tag: 'MalformedRow', where: 'line 1', found })
  })

  it('of commas says where a quote is wrong, and goes on behind it where it may', () => {
    const t = table('csv', { header: false, columns: { textA: 0 } })
    expect(left(reading(t)(['a', 'b"c', 'd']))).toMatchObject({ _tag: 'MalformedRow', where: 'line 2' })
    expect(right(reading(t, lenient)(['a', 'b"c', 'd'])).examples.map((e) => e.textA)).toEqual(['a', 'd'])
    expect(left(reading(t)(['a', '"b']))).toMatchObject({ where: 'line 2', found: 'a quote that is not closed' })
    const long = left(reading(t)(['a', `"${'b'.repeat(2 ** 20 + 9)}`]))
    expect(long).toMatchObject({
      where: 'line 2',
      found: expect.stringContaining('more than 1048576 characters') as unknown
    })
    expect(right(reading(t, lenient)(['a', '"b'])).skipped).toHaveLength(1)
    expect(parseCsv('a\nb\nc\nd', false, 2).at(-1)).toMatchObject({ mistake: { isWhole: true } })
  })

  it('without examples is none', () => {
    expect(left(reading(table('tsv'))(headers.tsv))).toEqual({ _tag: 'NoExamples', path: 'f', skipped: [] })
  })

  it('is data, or an error, whatever stands in it', () => {
    const junk = fc.string({ unit: fc.constantFrom('"', ',', '\t', '{', '}', ':', '[', 'first', 'a', ' ', '\\', '1') })
    const lines = fc.array(
      fc.oneof(
        junk,
        fc.string({ unit: 'binary' }).map((s) => s.replace(/[\n\r]/g, ''))
      )
    )
    const columns = fc.record({
      textA: fc.constantFrom('first', 'a', 0, -1),
      label: fc.constantFrom(undefined, 'class', 1, -9)
    })
    fc.assert(
      fc.property(forms, lines, columns, fc.boolean(), fc.boolean(), (form, text, places, header, skipMalformed) => {
        const read = reading(table(form, { columns: places, header }), { skipMalformed })(text)
        if (isLeft(read)) expect(showTaskDataError(read.left)).toMatch(/^f[,:]/)
        else expect(read.right.examples.length).toBeGreaterThan(0)
      })
    )
  })

  it('has classes in the order of their names', () => {
    const labelled = ['b', 'a', 'b', undefined].map((label, i) => ({ id: `${i}`, textA: '', ...(label && { label }) }))
    expect(classNames(labelled)).toEqual(['a', 'b'])
  })
})
