/**
 * Columns of a table, and the example that a row of it is.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import { quoted } from '../../../tensor/describe.js'
import type { Mistake } from './data-error.js'
import type { SentenceExample } from './examples.js'

/** A name in the header, or a place: from 0, and from the row's end where negative (-1 is the last). */
export type Column = string | number

/** Where a table has its texts and labels. Without `label` the examples have none, as those of a test set. */
export type Columns<C = Column> = { readonly textA: C; readonly textB?: C; readonly label?: C }

/** What labels may be. */
export type Labels =
  | { readonly _tag: 'classes'; readonly names: ReadonlyArray<string> }
  | { readonly _tag: 'scores'; readonly least: number; readonly most: number }
  /** Classes, by whatever names there are in the file: `classNames` lists them. */
  | { readonly _tag: 'any' }

/** The labels that occur, sorted by code unit: classes in the order that one numbers them. */
export const classNames = (examples: ReadonlyArray<SentenceExample>): ReadonlyArray<string> =>
  [...new Set(examples.flatMap(({ label }) => label ?? []))].sort()

/** The value of a column in a row; nothing where the row has no such column. */
export type Cell<C> = (column: C) => string | undefined

const showColumn = (column: Column): string =>
  typeof column === 'string'
    ? `a column called ${quoted(column)}`
    : column >= 0
      ? `a column ${column + 1}`
      : `${-column} columns or more`

/** A row as an example. `found` says what the row has, where it has not what it should. */
export const exampleOf =
  <C extends Column>(columns: Columns<C>, labels: Labels) =>
  (id: string, cell: Cell<C>, found: string): Either<Mistake, SentenceExample> => {
    const wanted = [columns.textA, columns.textB, columns.label].filter((column) => column !== undefined)
    const absent = wanted.find((column) => cell(column) === undefined)
    if (absent !== undefined) return E.left({ found, expected: showColumn(absent) })
    const label = columns.label === undefined ? undefined : cell(columns.label)
    const wrong = label === undefined ? undefined : wrongLabel(labels, label)
    if (wrong !== undefined) return E.left(wrong)
    const textB = columns.textB === undefined ? undefined : cell(columns.textB)
    return E.right({
      id,
      textA: cell(columns.textA) ?? '',
      ...(textB === undefined ? {} : { textB }),
      ...(label === undefined ? {} : { label })
    })
  }

/** At most so many classes are named in an error. */
const shownClasses = 12

const wrongLabel = (labels: Labels, label: string): Mistake | undefined => {
  switch (labels._tag) {
    case 'any':
      return label === '' ? { found: 'an empty label', expected: 'the name of a class' } : undefined
    case 'classes': {
      if (labels.names.includes(label)) return undefined
      const names = labels.names.slice(0, shownClasses).map((name) => quoted(name))
      const more = labels.names.length > shownClasses ? ' and others' : ''
      return { found: `the label ${quoted(label)}`, expected: `a label that is one of ${names.join(', ')}${more}` }
    }
    case 'scores': {
      const score = label.trim() === '' ? NaN : Number(label)
      const isBounded = Number.isFinite(labels.least) && Number.isFinite(labels.most)
      return Number.isFinite(score) && score >= labels.least && score <= labels.most
        ? undefined
        : {
            found: `the score ${quoted(label)}`,
            expected: isBounded ? `a score from ${labels.least} to ${labels.most}` : 'a number'
          }
    }
  }
}

/**
 * The places of named columns in a header. Fails where a name is not there, or is there twice, and where a column is named and
 * there is no header.
 */
export const placesOf = (
  columns: Columns,
  header: ReadonlyArray<string> | undefined
): Either<Mistake, Columns<number>> => {
  const place = (column: Column): Either<Mistake, number> => {
    if (typeof column === 'number') return E.right(column)
    if (header === undefined) return E.left({ found: 'a table without a header', expected: showColumn(column) })
    const at = header.indexOf(column)
    if (at === -1) return E.left({ found: showHeader(header), expected: showColumn(column) })
    return header.includes(column, at + 1)
      ? E.left({ found: showHeader(header), expected: `one column called ${quoted(column)}` })
      : E.right(at)
  }
  const textA = place(columns.textA)
  if (E.isLeft(textA)) return textA
  const textB = columns.textB === undefined ? E.right(undefined) : place(columns.textB)
  if (E.isLeft(textB)) return textB
  const label = columns.label === undefined ? E.right(undefined) : place(columns.label)
  if (E.isLeft(label)) return label
  return E.right({
    textA: textA.right,
    ...(textB.right === undefined ? {} : { textB: textB.right }),
    ...(label.right === undefined ? {} : { label: label.right })
  })
}

/** How many names of a header an error shows. */
const shownNames = 12

export const showHeader = (header: ReadonlyArray<string>): string => {
  const more = header.length > shownNames ? ` and ${header.length - shownNames} more` : ''
  return `the columns ${header
    .slice(0, shownNames)
    .map((name) => quoted(name))
    .join(', ')}${more}`
}
