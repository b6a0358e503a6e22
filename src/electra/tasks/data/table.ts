/**
 * Sentences and labels from tables: tab-separated values, comma-separated values, and JSON lines.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { describe } from '../../../tensor/describe.js'
import { parseJson, showJsonError } from '../../../tensor/strict-json.js'
import { parseCsv } from './csv.js'
import { exampleOf, placesOf, showHeader, type Columns, type Labels } from './columns.js'
import type { TaskDataError } from './data-error.js'
import type { SentenceExample } from './examples.js'
import { wholeText } from './file-lines.js'
import { wellFormed } from './json-text.js'
import { gatherer, readLinesOf, type LineMistake, type LineReader, type Reading, type ReadRules } from './reader.js'

/**
 * `tsv`: columns between tabs and never quoted, a double quote is a character like others. `csv`: columns between commas, quoted
 * as RFC 4180 has it. `jsonl`: an object a line, whose fields are the columns; it has no header, and no places.
 */
export type TableForm = 'tsv' | 'csv' | 'jsonl'

export type Table = {
  readonly form: TableForm
  /** Whether the first row names the columns. */
  readonly header: boolean
  readonly columns: Columns
  readonly labels: Labels
}

/** Reads a table. Empty lines are no rows; a row that lacks a column, or has a label that is none, is malformed. */
export const readTable =
  (table: Table, rules: ReadRules) =>
  (path: string): TE.TaskEither<TaskDataError, Reading<SentenceExample>> => {
    switch (table.form) {
      case 'tsv':
        return readLinesOf(tsvReader(table), rules)(path)
      case 'jsonl':
        return readLinesOf(jsonlReader(table), rules)(path)
      case 'csv':
        return pipe(wholeText(path), TE.chainEitherK(parseCsvTable(table, rules, path)))
    }
  }

/** `columns` is there once they are known: at once, or behind the header. */
type Rows = { readonly columns: Columns<number> | undefined; readonly row: number }

type Step = readonly [Rows, ReadonlyArray<SentenceExample>]

/** A row of fields behind those before it. */
const tableRow =
  (table: Table) =>
  ({ columns, row }: Rows, fields: ReadonlyArray<string>): Either<LineMistake, Step> => {
    if (columns === undefined) {
      const places = placesOf(table.columns, table.header ? fields : undefined)
      if (E.isLeft(places)) return E.left({ ...places.left, isWhole: true })
      const next = { columns: places.right, row }
      return table.header ? E.right([next, []]) : tableRow(table)(next, fields)
    }
    const found = `${fields.length} column${fields.length === 1 ? '' : 's'}`
    return pipe(
      exampleOf(columns, table.labels)(String(row), (column) => fields.at(column), found),
      E.map((example): Step => [{ columns, row: row + 1 }, [example]])
    )
  }

const nextRow = ({ columns, row }: Rows): Rows => ({ columns, row: columns === undefined ? row : row + 1 })

/** Tab-separated values, a row a line. */
export const tsvReader = (table: Table): LineReader<Rows, SentenceExample> => ({
  start: { columns: undefined, row: 0 },
  line: (rows, text) => (text === '' ? E.right([rows, []]) : tableRow(table)(rows, text.split('\t'))),
  skipped: nextRow,
  end: () => []
})

/** What a row's fields may hold that are no columns nests no deeper. */
const deepest = 16

/** JSON lines. Numbers and truth values count as the texts that JSON has for them. */
export const jsonlReader = (table: Table): LineReader<number, SentenceExample> => ({
  start: 0,
  line: (row, text) => {
    if (text.trim() === '') return E.right([row, []])
    const { textA, textB, label } = table.columns
    const place = [textA, textB, label].find((column) => typeof column === 'number')
    if (place !== undefined)
      return E.left({
        found: `the column ${place}`,
        expected: 'names of columns: fields of JSON have no places',
        isWhole: true
      })
    const json = parseJson(deepest)(text)
    if (E.isLeft(json)) return E.left({ found: showJsonError(json.left), expected: 'a JSON object on each line' })
    const record = json.right
    if (typeof record !== 'object' || record === null || Array.isArray(record))
      return E.left({ found: describe(record), expected: 'a JSON object on each line' })
    const cell = (column: string | number): string | undefined => {
      const value: unknown = Object.hasOwn(record, column) ? Reflect.get(record, column) : undefined
      if (typeof value === 'string') return wellFormed(value)
      return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
    }
    return pipe(
      exampleOf(table.columns, table.labels)(String(row), cell, showHeader(Object.keys(record))),
      E.map((example) => [row + 1, [example]])
    )
  },
  skipped: (row) => row + 1,
  end: () => []
})

/** Comma-separated values, whose rows may go over several lines. Errors name the line that a row ends at. */
export const parseCsvTable =
  (table: Table, rules: ReadRules, path: string) =>
  (text: string): Either<TaskDataError, Reading<SentenceExample>> => {
    const gathered = gatherer<SentenceExample>(path, rules)
    let rows: Rows = { columns: undefined, row: 0 }
    for (const record of parseCsv(text, rules.skipMalformed)) {
      const where = `line ${record.line}`
      const result = record._tag === 'mistake' ? E.left(record.mistake) : tableRow(table)(rows, record.fields)
      rows = E.isLeft(result) ? nextRow(rows) : result.right[0]
      const gone = E.isLeft(result)
        ? gathered.mistake(where, result.left)
        : result.right[1].length === 0
          ? E.right(undefined)
          : gathered.add(where, result.right[1][0])
      if (E.isLeft(gone)) return gone
    }
    return gathered.reading()
  }
