/**
 * What can be wrong with a file of a data set.
 */

import type { Skipped } from '../../data/text/source.js'

/** What stands where something else should. */
export type Mistake = { readonly found: string; readonly expected: string }

export type TaskDataError =
  /** It is not there, is no file, or is not UTF-8 text. */
  | { readonly _tag: 'UnreadableData'; readonly path: string; readonly reason: string }
  /** One row is not what it should be, at `where` ("line 7"). Readers that may skip malformed rows go on after these. */
  | ({ readonly _tag: 'MalformedRow'; readonly path: string; readonly where: string } & Mistake)
  /** The file as a whole is not of this format: no row of it can be used. */
  | ({ readonly _tag: 'OtherFormat'; readonly path: string; readonly where: string } & Mistake)
  /** More than fits into memory. */
  | { readonly _tag: 'TooMuchData'; readonly path: string; readonly limit: string }
  | { readonly _tag: 'NoExamples'; readonly path: string; readonly skipped: ReadonlyArray<Skipped> }

export const showTaskDataError = (e: TaskDataError): string => {
  switch (e._tag) {
    case 'UnreadableData':
      return `cannot read ${e.path}: ${e.reason}`
    case 'MalformedRow':
      return `${e.path}, ${e.where}: found ${e.found}, expected ${e.expected}; correct it, or remove it`
    case 'OtherFormat':
      return `${e.path}, ${e.where}: found ${e.found}, expected ${e.expected}`
    case 'TooMuchData':
      return `${e.path}: more than ${e.limit}; split the file`
    case 'NoExamples':
      return (
        `${e.path}: found no examples, expected one or more` +
        e.skipped.map(({ why, count, first }) => `; skipped ${count} ${why} (first: ${first})`).join('')
      )
  }
}
