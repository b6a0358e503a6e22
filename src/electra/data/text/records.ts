/**
 * JSON lines: one object a line, with a document's text in one of its fields.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import { describe } from '../../../tensor/describe.js'
import type { CorpusError } from '../corpus-error.js'

export const defaultField = 'text'

/** How many of a record's fields an error names. */
const shownFields = 8

/**
 * The text of a record, or nothing where the line is blank, or the field null or without a word.
 *
 * Fails with `MalformedRecord` where the line is no object, or has no text in the field. Halves of surrogate pairs, which
 * JSON can spell and UTF-8 cannot, become U+FFFD.
 */
export const textOfRecord =
  (path: string, field: string, line: number) =>
  (text: string): Either<CorpusError, string | undefined> => {
    const malformed = (found: string, expected: string) =>
      E.left<CorpusError>({ _tag: 'MalformedRecord', path, line, found, expected })
    // A byte order mark may stand before the first record.
    const trimmed = text.replace(/^\uFEFF/, '').trim()
    if (trimmed === '') return E.right(undefined)
    const parsed = E.tryCatch((): unknown => JSON.parse(trimmed), E.toError)
    if (E.isLeft(parsed)) return malformed('text that is not JSON', 'a JSON object on each line')
    const record = parsed.right
    if (typeof record !== 'object' || record === null || Array.isArray(record))
      return malformed(describe(record), 'a JSON object on each line')
    const names = Object.keys(record)
    const named = names.slice(0, shownFields).map((name) => describe(name))
    if (!Object.hasOwn(record, field))
      return malformed(
        names.length === 0 ? 'an object without fields' : `the fields ${named.join(', ')}`,
        `one called ${describe(field)}; name another with --field`
      )
    const value = (record as Readonly<Record<string, unknown>>)[field]
    if (value === null) return E.right(undefined)
    if (typeof value !== 'string') return malformed(`${field} = ${describe(value)}`, 'a text')
    return E.right(value.trim() === '' ? undefined : Buffer.from(value).toString())
  }
