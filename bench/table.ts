/**
 * Rows of measurements, as a Markdown table and as JSON.
 */

import * as E from 'fp-ts/lib/Either.js'
import { median, type Result } from './race.js'

/** One number of ours, beside the peer's of the same race. */
export type Row = {
  readonly suite: string
  readonly row: string
  readonly unit: string
  /** At the median time. `null` where it was not measured; `reason` then says why. */
  readonly ours: number | null
  /** At the worst and at the best time. */
  readonly range: readonly [number, number] | null
  readonly runs: number
  readonly peer: number | null
  readonly peerName: string
  /** `ours / peer`: the median of the rounds' ratios, which is not the ratio of the medians. */
  readonly ratio: number | null
  /** `null` where an adapter decides. */
  readonly threads: number | null
  readonly reason?: string
}

export type Question = {
  readonly suite: string
  /** What the rows of one race have in common: a shape, a preset. */
  readonly subject: string
  readonly unit: string
  /** How many of the units one run does. */
  readonly work: number
}

/** The results of a race as rows. The first contestant is the peer of the others. */
export const rowsOf = (
  { suite, subject, unit, work }: Question,
  results: ReadonlyArray<Result>
): ReadonlyArray<Row> => {
  const [first] = results
  const theirs = E.isRight(first.seconds) ? first.seconds.right : []
  return results.map((result): Row => {
    const { name, threads, seconds } = result
    const isCompared = result !== first && theirs.length > 0
    const named = { suite, row: `${subject}: ${name}`, unit, threads: threads ?? null }
    if (E.isLeft(seconds))
      return {
        ...named,
        ours: null,
        range: null,
        runs: 0,
        peer: null,
        peerName: '',
        ratio: null,
        reason: seconds.left
      }
    const ours = seconds.right
    return {
      ...named,
      ours: work / median(ours),
      range: [work / Math.max(...ours), work / Math.min(...ours)],
      runs: ours.length,
      peer: isCompared ? work / median(theirs) : null,
      peerName: isCompared ? first.name : '',
      ratio: isCompared ? median(ours.slice(0, theirs.length).map((s, round) => theirs[round] / s)) : null
    }
  })
}

/** Three significant digits, without an exponent. */
const digits = (x: number): string =>
  x >= 100 ? Math.round(x).toLocaleString('en') : x.toFixed(Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(x)))))

const cells = (row: Row): ReadonlyArray<string> => [
  row.row,
  row.threads === null ? 'adapter' : String(row.threads),
  ...(row.ours === null || row.range === null
    ? [`not measured: ${row.reason ?? ''}`, '', '', '']
    : [
        digits(row.ours),
        `${digits(row.range[0])}-${digits(row.range[1])}`,
        String(row.runs),
        row.ratio === null ? '' : `${row.ratio.toFixed(2)} of ${row.peerName}`
      ])
]

const line = (cells: ReadonlyArray<string>): string => `| ${cells.join(' | ')} |`

/** The rows of one suite. */
export const showTable = (rows: ReadonlyArray<Row>): string =>
  [
    line([rows[0].suite, 'threads', `${rows[0].unit}, median`, 'worst-best', 'runs', 'ratio']),
    line(['---', '---:', '---:', '---:', '---:', '---']),
    ...rows.map((row) => line(cells(row)))
  ].join('\n')
