/**
 * What a closing report needs from the past: means over the first and the last tenth of a run's steps, and the last
 * evaluation.
 *
 * Sums and counts, so that they can be saved with a checkpoint and go on from there.
 */

import type { Report } from '../objective/objective.js'

/** The numbers of a step's report that the closing report speaks of. */
const remembered = [
  'maskedLmLoss',
  'discriminatorLoss',
  'discriminatorAuc',
  'discriminatorAccuracy',
  'baseRateEntropy',
  'replacedRate'
] as const

export type Tenth = 'first' | 'last'

/**
 * Numbers by name, as checkpoints hold: `first.maskedLmLoss` and `first.maskedLmLoss.count`, ..., sums over the steps of
 * each tenth, and `heldOut.maskedLmLoss`, ..., the last evaluation.
 */
export type History = Readonly<Record<string, number>>

export const emptyHistory: History = {}

/** The tenths that step `n` of `total`, counted from 0, belongs to. A run of fewer than ten steps has tenths of one. */
export const tenthsOf = (n: number, total: number): ReadonlyArray<Tenth> => {
  const length = Math.max(1, Math.floor(total / 10))
  return [...(n < length ? (['first'] as const) : []), ...(n >= total - length ? (['last'] as const) : [])]
}

/** A NaN (an AUC without positives, say) is left out of its own mean only. */
export const remember =
  (n: number, total: number, report: Report) =>
  (history: History): History =>
    tenthsOf(n, total).reduce<History>(
      (sums, tenth) =>
        remembered.reduce<History>((at, name) => {
          const value = report[name]
          if (value === undefined || Number.isNaN(value)) return at
          const [sum, count] = [`${tenth}.${name}`, `${tenth}.${name}.count`]
          return { ...at, [sum]: (at[sum] ?? 0) + value, [count]: (at[count] ?? 0) + 1 }
        }, sums),
      history
    )

/** Means over a tenth; empty where no step of it has been taken. */
export const meansOf = (history: History, tenth: Tenth): Report =>
  Object.fromEntries(
    remembered.flatMap((name) => {
      const count = history[`${tenth}.${name}.count`]
      return count === undefined ? [] : [[name, history[`${tenth}.${name}`] / count] as const]
    })
  )

const heldOutPrefix = 'heldOut.'

const owed = 'evaluationOwed'

/** Notes that the evaluation of this very step is due and could not be made. */
export const oweEvaluation = (history: History): History => ({ ...history, [owed]: 1 })

export const owesEvaluation = (history: History): boolean => history[owed] !== undefined

/** Takes the place of the evaluation before it. */
export const rememberHeldOut =
  (report: Report) =>
  ({ [owed]: _, ...history }: History): History => ({
    ...history,
    ...Object.fromEntries(Object.entries(report).map(([name, value]) => [`${heldOutPrefix}${name}`, value]))
  })

/** The last evaluation; `undefined` before the first. */
export const heldOutOf = (history: History): Report | undefined => {
  const entries = Object.entries(history).flatMap(([name, value]) =>
    name.startsWith(heldOutPrefix) ? [[name.slice(heldOutPrefix.length), value] as const] : []
  )
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}
