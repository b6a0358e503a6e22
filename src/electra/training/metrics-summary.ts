/**
 * A summary of the metrics so far, for the closing report: means over the first and the last tenth of a run's steps, and the last
 * evaluation.
 *
 * Sums and counts, so that they can be saved with a checkpoint and go on from there.
 */

import type { Report } from './columns.js'

export type Tenth = 'first' | 'last'

/**
 * Numbers by name, as checkpoints hold: `first.maskedLmLoss` and `first.maskedLmLoss.count`, ..., sums over the steps of
 * each tenth, and `heldOut.maskedLmLoss`, ..., the last evaluation.
 */
export type MetricsSummary = Readonly<Record<string, number>>

export const emptySummary: MetricsSummary = {}

/** The tenths that step `n` of `total`, counted from 0, belongs to. A run of fewer than ten steps has tenths of one. */
export const tenthsOf = (n: number, total: number): ReadonlyArray<Tenth> => {
  const length = Math.max(1, Math.floor(total / 10))
  return [...(n < length ? (['first'] as const) : []), ...(n >= total - length ? (['last'] as const) : [])]
}

/** A NaN (an AUC without positives, say) is left out of its own mean only. */
export const remember =
  (n: number, total: number, report: Report) =>
  (summary: MetricsSummary): MetricsSummary =>
    tenthsOf(n, total).reduce<MetricsSummary>(
      (sums, tenth) =>
        Object.entries(report).reduce<MetricsSummary>((at, [name, value]) => {
          if (Number.isNaN(value)) return at
          const [sum, count] = [`${tenth}.${name}`, `${tenth}.${name}.count`]
          return { ...at, [sum]: (at[sum] ?? 0) + value, [count]: (at[count] ?? 0) + 1 }
        }, sums),
      summary
    )

/** Means over a tenth; empty where no step of it has been taken. */
export const meansOf = (summary: MetricsSummary, tenth: Tenth): Report =>
  Object.fromEntries(
    Object.entries(summary).flatMap(([key, count]) => {
      const name = new RegExp(`^${tenth}\\.(.+)\\.count$`).exec(key)?.[1]
      return name === undefined ? [] : [[name, summary[`${tenth}.${name}`] / count] as const]
    })
  )

/** What there is to say of a run whose losses are scaled. */
export type Scaled = {
  /** Of the last step. */
  readonly lossScale: number
  /** Steps whose gradients were not finite: they changed nothing but the scale. */
  readonly skipped: number
  /** How many of the last steps in a row. */
  readonly skippedInRow: number
}

const scaledPrefix = 'scaled.'

/** Counts a step. */
export const rememberScaled =
  (lossScale: number, isSkipped: boolean) =>
  (summary: MetricsSummary): MetricsSummary => {
    const { skipped, skippedInRow } = scaledOf(summary) ?? { skipped: 0, skippedInRow: 0 }
    return {
      ...summary,
      [`${scaledPrefix}lossScale`]: lossScale,
      [`${scaledPrefix}skipped`]: skipped + Number(isSkipped),
      [`${scaledPrefix}skippedInRow`]: isSkipped ? skippedInRow + 1 : 0
    }
  }

/** `undefined` where no step has been taken whose loss was scaled. */
export const scaledOf = (summary: MetricsSummary): Scaled | undefined => {
  const [lossScale, skipped, skippedInRow] = (['lossScale', 'skipped', 'skippedInRow'] as const).map(
    (name): number | undefined => summary[scaledPrefix + name]
  )
  return lossScale === undefined || skipped === undefined || skippedInRow === undefined
    ? undefined
    : { lossScale, skipped, skippedInRow }
}

const heldOutPrefix = 'heldOut.'

const owed = 'evaluationOwed'

/** Notes that the evaluation of this very step is due and could not be made. */
export const oweEvaluation = (summary: MetricsSummary): MetricsSummary => ({ ...summary, [owed]: 1 })

export const owesEvaluation = (summary: MetricsSummary): boolean => summary[owed] !== undefined

/** Takes the place of the evaluation before it. */
export const rememberHeldOut =
  (report: Report) =>
  ({ [owed]: _, ...summary }: MetricsSummary): MetricsSummary => ({
    ...summary,
    ...Object.fromEntries(Object.entries(report).map(([name, value]) => [`${heldOutPrefix}${name}`, value]))
  })

/** The last evaluation; `undefined` before the first. */
export const heldOutOf = (summary: MetricsSummary): Report | undefined => {
  const entries = Object.entries(summary).flatMap(([name, value]) =>
    name.startsWith(heldOutPrefix) ? [[name.slice(heldOutPrefix.length), value] as const] : []
  )
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}
