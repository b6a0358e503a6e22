/**
 * Comma-separated values as RFC 4180 has them: csv-parse reads them, and what it says is wrong becomes data.
 */

import { CsvError, parse, type CsvErrorCode } from 'csv-parse/sync'
import { mostExamples, type LineMistake } from './reader.js'

/** A record, or what is wrong with one; `line` is where it ends, from 1. */
export type CsvRecord =
  | { readonly _tag: 'record'; readonly line: number; readonly fields: ReadonlyArray<string> }
  | { readonly _tag: 'mistake'; readonly line: number; readonly mistake: LineMistake }

/** Characters of one record. A quote that is never closed ends here. */
const longestRecord = 2 ** 20

/** All records in order; unless malformed ones are skipped, nothing comes behind the first of them. Empty lines are left out. */
export const parseCsv = (text: string, skipMalformed: boolean, most = mostExamples + 1): ReadonlyArray<CsvRecord> => {
  const records: Array<CsvRecord> = []
  const add = (record: CsvRecord): void => {
    if (records.length < most) records.push(record)
    else if (records.length === most) records.push(tooMany(record.line, most))
  }
  try {
    parse(text, {
      ...{ relax_column_count: true, skip_empty_lines: true, bom: true, max_record_size: longestRecord },
      skip_records_with_error: skipMalformed,
      on_skip: (error) => {
        add(mistakeOf(error))
        return undefined
      },
      // Nothing is kept by the library: records come in the order in which they end, those with errors among them.
      on_record: (fields: ReadonlyArray<string>, { lines }) => {
        add({ _tag: 'record', line: lines, fields })
        return undefined
      }
    })
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    add(mistakeOf(error))
  }
  return records
}

const mistakeOf = (error: unknown): CsvRecord => ({
  _tag: 'mistake',
  line: error instanceof CsvError && typeof error.lines === 'number' ? error.lines : 1,
  mistake: {
    found: foundIn(error instanceof CsvError ? error.code : undefined),
    expected: 'columns between commas, with quotes around a whole column and doubled inside of it'
  }
})

const foundIn = (code: CsvErrorCode | undefined): string => {
  if (code === 'CSV_QUOTE_NOT_CLOSED') return 'a quote that is not closed'
  return code === 'CSV_MAX_RECORD_SIZE'
    ? `a record of more than ${longestRecord} characters (is a quote not closed?)`
    : 'a quote that is no part of a quoted column'
}

const tooMany = (line: number, most: number): CsvRecord => ({
  _tag: 'mistake',
  line,
  mistake: { found: 'one record more', expected: `at most ${most} of them`, isWhole: true }
})
