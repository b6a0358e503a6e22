/** Curves of one run or of several, over each other: steps thinned, evaluations as they are. */

import { range } from '../../../tensor/range.js'
import { isEmpty, lines } from '../charts/chart.js'
import { digitsOf, labelOf, type Columns } from '../columns.js'
import { numbers, words, type Figure } from '../document.js'
import { small, whole } from '../shown.js'
import type { Series } from './metrics.js'
import type { RunData } from './run-data.js'
import { thinned, type Bucket } from './thinned.js'

/** More are not told apart on a screen. */
const mostPoints = 120

/** Of the given names those that a run has, first those that are known, in their order. */
const ordered = (
  columns: Columns,
  runs: ReadonlyArray<RunData>,
  of: (run: RunData) => Series
): ReadonlyArray<string> => {
  const found = new Set(runs.flatMap((run) => [...of(run).columns.keys()]))
  return [...new Set(['loss', ...columns.keys(), ...found])].filter((name) => found.has(name))
}

const stepsOf = ({ metrics }: RunData): Series => metrics.steps
const heldOutOf = ({ metrics }: RunData): Series => metrics.heldOut

/** What the numbers of a run mean. */
export type ColumnsOf = (run: RunData) => Columns

/** Runs of which a number of that name is the same, and what it is. */
type Alike = {
  readonly runs: ReadonlyArray<RunData>
  readonly label: string
  readonly meaning?: string
  readonly digits: number
  /** Behind a title, where other runs have another number of that name. */
  readonly of: string
}

const alike = (
  columnsOf: ColumnsOf,
  all: ReadonlyArray<RunData>,
  of: (run: RunData) => Series,
  name: string
): ReadonlyArray<Alike> => {
  const found = all.flatMap((run) => {
    const columns = columnsOf(run)
    const known = {
      label: labelOf(columns, name),
      meaning: columns.get(name)?.meaning,
      digits: digitsOf(columns, name)
    }
    return of(run).columns.has(name) ? [{ run, known, key: `${known.label} ${known.meaning ?? ''}` }] : []
  })
  const keys = [...new Set(found.map(({ key }) => key))]
  return keys.map((key) => {
    const own = found.filter((one) => one.key === key)
    const runs = own.map(({ run }) => run)
    return keys.length === 1
      ? { ...own[0].known, runs: all, of: '' }
      : { ...own[0].known, runs, of: ` of ${runs.map((run) => run.name).join(', ')}` }
  })
}

/** Shown as one number, tokens a second. */
const isShownElsewhere = (name: string): boolean => name === 'tokens' || name === 'seconds'

const bucketsOf = (run: RunData, name: string): ReadonlyArray<Bucket> => {
  const { steps, columns } = run.metrics.steps
  return thinned(steps, columns.get(name) ?? [], mostPoints)
}

/** Tokens a second over the steps of each bucket: all of them in all of their time. */
const speeds = ({ metrics: { steps: series } }: RunData): ReadonlyArray<Bucket> => {
  const { steps, columns } = series
  const [tokens, seconds] = ['tokens', 'seconds'].map((name) => columns.get(name) ?? [])
  const each = steps.map((_, i) => (seconds[i] > 0 ? tokens[i] / seconds[i] : NaN))
  const [sums, times] = [tokens, seconds].map((values) => thinned(steps, values, mostPoints))
  return thinned(steps, each, mostPoints).map((bucket) => {
    const [sum, time] = [sums, times].map((of) => of.find(({ from }) => from === bucket.from))
    return sum === undefined || time === undefined
      ? bucket
      : { ...bucket, mean: (sum.mean * sum.count) / (time.mean * time.count) }
  })
}

const figureOf = (
  title: string,
  meaning: string,
  unit: string,
  digits: number,
  { all: every, shown }: { readonly all: ReadonlyArray<RunData>; readonly shown: ReadonlyArray<RunData> },
  bucketsIn: (run: RunData) => ReadonlyArray<Bucket>
): Figure => {
  const all = shown.map((run) => ({ run, buckets: bucketsIn(run) }))
  const most = Math.max(1, ...all.flatMap(({ buckets }) => buckets.map(({ count }) => count)))
  return {
    title,
    description:
      `${meaning} ${most === 1 ? 'Every step.' : `Means of up to ${whole(most)} steps in a row, shaded from the least to the largest.`}`.trim(),
    chart: lines({
      x: { title: 'step', scale: 'linear' },
      y: { title: unit, scale: 'linear' },
      series: all.map(({ run, buckets }) => ({
        name: run.name,
        look: every.indexOf(run),
        points: buckets.map(({ from, to, mean, low, high, count }) => ({
          x: (from + to) / 2,
          y: mean,
          ...(count === 1 ? {} : { low, high })
        }))
      })),
      rules: [],
      hasPoints: false
    }),
    numbers: {
      caption: title,
      columns: [...words('run'), ...numbers('steps', 'mean', 'least', 'largest')],
      rows: all.flatMap(({ run, buckets }) =>
        buckets.map(({ from, to, mean, low, high }) => [
          run.name,
          from === to ? String(from) : `${from}–${to}`,
          ...[mean, low, high].map((x) => small(x, digits))
        ])
      )
    }
  }
}

const drawn = (all: ReadonlyArray<Figure>): ReadonlyArray<Figure> => all.filter(({ chart }) => !isEmpty(chart))

/** What was measured at every step. */
export const trainingFigures = (
  columns: Columns,
  columnsOf: ColumnsOf,
  runs: ReadonlyArray<RunData>
): ReadonlyArray<Figure> =>
  drawn([
    ...ordered(columns, runs, stepsOf)
      .filter((name) => !isShownElsewhere(name))
      .flatMap((name) =>
        alike(columnsOf, runs, stepsOf, name).map(({ label, meaning = '', digits, of, runs: shown }) =>
          figureOf(`${label}${of}`, meaning, label, digits, { all: runs, shown }, (run) => bucketsOf(run, name))
        )
      ),
    figureOf('tokens/s', 'Real tokens trained on in a second.', 'tokens/s', 0, { all: runs, shown: runs }, speeds)
  ])

/** What guessing without context comes to, where the finished runs agree. */
const noContextOf = (runs: ReadonlyArray<RunData>, name: string) => {
  const found = runs.flatMap(({ report }) => report?.baselines[name]?.noContext ?? []).filter(Number.isFinite)
  return new Set(found.map((x) => x.toFixed(3))).size === 1 ? [{ at: found[0], name: 'no context' }] : []
}

/** What was measured on held-out text. */
export const heldOutFigures = (
  columns: Columns,
  columnsOf: ColumnsOf,
  runs: ReadonlyArray<RunData>
): ReadonlyArray<Figure> =>
  drawn(
    ordered(columns, runs, heldOutOf).flatMap((name) =>
      alike(columnsOf, runs, heldOutOf, name).map(
        ({ label, meaning = 'Every evaluation.', digits, of, runs: shown }): Figure => {
          const all = shown.map((run) => {
            const { steps, columns: own } = run.metrics.heldOut
            const values = own.get(name) ?? []
            return {
              run,
              points: range(steps.length).flatMap((i) =>
                Number.isFinite(values[i]) ? [{ x: steps[i], y: values[i] }] : []
              )
            }
          })
          return {
            title: `${label}${of}, held out`,
            description: meaning,
            chart: lines({
              x: { title: 'step', scale: 'linear' },
              y: { title: label, scale: 'linear' },
              series: all.map(({ run, points }) => ({ name: run.name, look: runs.indexOf(run), points })),
              rules: noContextOf(shown, name),
              hasPoints: all.every(({ points }) => points.length <= 30)
            }),
            numbers: {
              caption: `${label}${of}, held out`,
              columns: [...words('run'), ...numbers('step', label)],
              rows: all.flatMap(({ run, points }) => points.map(({ x, y }) => [run.name, String(x), small(y, digits)]))
            }
          }
        }
      )
    )
  )
