/**
 * The numbers that a run reports, and what each of them means.
 *
 * Whoever shows, keeps or compares numbers of a run reads it here, and knows none of them by name.
 */

/** Numbers for people, by the names of their columns. */
export type Report = { readonly [name: string]: number }

/** Numbers that belong to the data and the configuration, and are the same at every step. */
export type Facts = { readonly [name: string]: number }

/** What a number is compared with. */
export type Baselines = {
  /** What always making the same guess gives, by frequency. */
  readonly noContext?: number
  /** What a guess gives that knows nothing. */
  readonly chance?: number
}

export type Column = {
  /** Of the number in reports and in `metrics.jsonl`. */
  readonly name: string
  /** One sentence, with the unit where it has one. */
  readonly meaning: string
  readonly better: 'up' | 'down' | 'neither'
  /** Behind the point, where it is shown. */
  readonly digits: number
  /** In the closing table, which leaves out columns without one. */
  readonly label?: string
  /** Beside a progress bar, which leaves out columns without one. */
  readonly bar?: { readonly label: string; readonly digits: number }
  /** From the means over the last steps, and from the run's facts. */
  readonly baselines?: (last: Report, facts: Facts) => Baselines
  /** What a reader of the closing table has to know. */
  readonly note?: (facts: Facts) => string
}

/** Names of the numbers of which more is better. */
export const improving = (columns: ReadonlyArray<Column>): ReadonlyArray<string> =>
  columns.filter(({ better }) => better === 'up').map(({ name }) => name)
