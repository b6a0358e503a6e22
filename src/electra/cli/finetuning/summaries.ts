/** Numbers of several trials: how they lie, beside what guessing gives. */

import { deviation, mean, median } from '../../statistics/moments.js'
import type { Column, Report } from '../../training/columns.js'

export type Summary = {
  readonly trials: number
  readonly median: number
  readonly mean: number
  /** Of the sample, with n - 1; not there for one trial. */
  readonly deviation?: number
  readonly majority?: number
  readonly chance?: number
}

/** Of each column that the reports have. A number that one of the trials has not (NaN) is none of all. */
export const summaries = (
  columns: ReadonlyArray<Column>,
  reports: ReadonlyArray<Report>
): Readonly<Record<string, Summary>> =>
  Object.fromEntries(
    columns.flatMap(({ name, baselines }) => {
      const values = reports.map((report) => report[name])
      if (reports.length === 0 || reports.some((report) => !(name in report))) return []
      const { noContext, chance } = baselines?.({}, {}) ?? {}
      return [
        [
          name,
          {
            trials: values.length,
            median: values.some(Number.isNaN) ? NaN : median(values),
            mean: mean(values),
            ...(values.length === 1 ? {} : { deviation: deviation(values) }),
            ...(noContext === undefined ? {} : { majority: noContext }),
            ...(chance === undefined ? {} : { chance })
          }
        ] as const
      ]
    })
  )

const titles = ['median', 'mean', 'deviation', 'majority', 'chance'] as const

const cell = (x: number | undefined): string => (x === undefined || !Number.isFinite(x) ? '-' : x.toFixed(4))

/** `dev, 3 trials` and a line for each number. */
export const showSummaries = (title: string, of: Readonly<Record<string, Summary>>): string =>
  [
    `${title.padEnd(22)}${titles.map((name) => name.padStart(11)).join('')}`,
    ...Object.entries(of).map(
      ([name, summary]) => `${name.padEnd(22)}${titles.map((key) => cell(summary[key]).padStart(11)).join('')}`
    )
  ].join('\n')
