/**
 * What a report says, before it is a page: headings, sentences, tables and charts, as plain data that pages are printed from.
 *
 * Texts are plain: whoever prints them escapes them.
 */

import type { Chart } from './charts/chart.js'

/** A part of a sentence. `code` is what somebody has named: an arm, a task, a file. */
export type Inline = string | { readonly code: string } | { readonly strong: string }

export type Text = ReadonlyArray<Inline>

export type Column = { readonly title: string; readonly isNumber: boolean }

/** A cell is a number as it is shown, or a name. Rows are as long as there are columns. */
export type Table = {
  readonly caption: string
  readonly columns: ReadonlyArray<Column>
  readonly rows: ReadonlyArray<ReadonlyArray<string>>
}

/** A chart, what it shows in a sentence, and the numbers that are drawn in it. */
export type Figure = {
  readonly title: string
  readonly description: string
  readonly chart: Chart
  readonly numbers: Table
}

/** A word of a sentence of which something is to be seen. */
export type MarkedWord = {
  readonly text: string
  /** Whether a space stands before it. */
  readonly isApart: boolean
  /** What stood there before it was replaced. */
  readonly original?: string
  readonly isSuspected: boolean
}

export type Block =
  | { readonly _tag: 'Heading'; readonly level: 2 | 3; readonly text: string }
  | { readonly _tag: 'Lead'; readonly text: Text }
  | { readonly _tag: 'Paragraph'; readonly text: Text }
  | { readonly _tag: 'List'; readonly items: ReadonlyArray<Text> }
  /** `isFolded` where it is long and few want it. */
  | { readonly _tag: 'Table'; readonly table: Table; readonly isFolded: boolean }
  | { readonly _tag: 'Figures'; readonly figures: ReadonlyArray<Figure> }
  /** Text as it is, such as a configuration. */
  | { readonly _tag: 'Listing'; readonly caption: string; readonly text: string; readonly isFolded: boolean }
  | { readonly _tag: 'Marked'; readonly sentences: ReadonlyArray<ReadonlyArray<MarkedWord>> }

export type Document = { readonly title: string; readonly blocks: ReadonlyArray<Block> }

export const section = (text: string): Block => ({ _tag: 'Heading', level: 2, text })

export const subsection = (text: string): Block => ({ _tag: 'Heading', level: 3, text })

/** A sentence, or some in a row. */
export const says = (...text: Text): Block => ({ _tag: 'Paragraph', text })

export const code = (name: string): Inline => ({ code: name })

export const strong = (text: string): Inline => ({ strong: text })

export const table = (table: Table): Block => ({ _tag: 'Table', table, isFolded: false })

export const folded = (table: Table): Block => ({ _tag: 'Table', table, isFolded: true })

/** Nothing, where there is none to draw. */
export const figures = (figures: ReadonlyArray<Figure>): ReadonlyArray<Block> =>
  figures.length === 0 ? [] : [{ _tag: 'Figures', figures }]

export const list = (items: ReadonlyArray<Text>): ReadonlyArray<Block> =>
  items.length === 0 ? [] : [{ _tag: 'List', items }]

export const words = (...titles: ReadonlyArray<string>): ReadonlyArray<Column> =>
  titles.map((title) => ({ title, isNumber: false }))

export const numbers = (...titles: ReadonlyArray<string>): ReadonlyArray<Column> =>
  titles.map((title) => ({ title, isNumber: true }))

/** Parts with something in between: `a, b and c`. */
export const listed = (parts: ReadonlyArray<Inline>, last = ' and '): Text =>
  listedTexts(
    parts.map((part) => [part]),
    last
  )

/** The same of several words each. */
export const listedTexts = (parts: ReadonlyArray<Text>, last = ' and '): Text =>
  parts.flatMap((part, i) => (i === 0 ? part : [i === parts.length - 1 ? last : ', ', ...part]))
