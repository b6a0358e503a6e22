/**
 * What was measured: as a Markdown table for people, and as rows for machines.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { median } from './race.js'

/** What the numbers of one comparison have in common. */
export type Question = {
  readonly suite: string
  /** A shape, a preset. */
  readonly subject: string
  readonly unit: string
}

/** One side of a comparison: ours or somebody else's. */
export type Side = {
  readonly name: string
  readonly isOurs: boolean
  /** `undefined` where an adapter decides. */
  readonly threads: number | undefined
  /** Round by round, from the first; or why there are none. */
  readonly values: E.Either<string, ReadonlyArray<number>>
}

export type Answer = { readonly question: Question; readonly sides: ReadonlyArray<Side> }

type Span = readonly [number, number]

/** One number of ours beside one peer's of the same rounds, or alone where it has no peer. */
export type Row = {
  readonly suite: string
  readonly row: string
  readonly unit: string
  /** The median. `null` where it was not measured; `reason` then says why. */
  readonly ours: number | null
  /** The least and the most. */
  readonly range: Span | null
  readonly runs: number
  /** The median. `null` where there is no peer, or it was not measured; `reason` then says why. */
  readonly peer: number | null
  readonly peerRange: Span | null
  readonly peerName: string
  /** `ours / peer`: the median of the rounds' ratios, which is not the ratio of the medians. */
  readonly ratio: number | null
  readonly ratioRange: Span | null
  /** `null` where an adapter decides. */
  readonly threads: number | null
  readonly reason?: string
}

type Summary = { readonly median: number | null; readonly range: Span | null; readonly runs: number }

const summaryOf = (values: E.Either<string, ReadonlyArray<number>>): Summary =>
  E.isLeft(values)
    ? { median: null, range: null, runs: 0 }
    : {
        median: median(values.right),
        range: [Math.min(...values.right), Math.max(...values.right)],
        runs: values.right.length
      }

/** Ours over the peer's, in the rounds that both were in. */
const ratios = (ours: Side, peer: Side): E.Either<string, ReadonlyArray<number>> =>
  pipe(
    E.Do,
    E.bind('x', () => ours.values),
    E.bind('y', () => peer.values),
    E.map(({ x, y }) => x.slice(0, y.length).map((value, round) => value / y[round]))
  )

const noPeer: Side = { name: '', isOurs: false, threads: undefined, values: E.left('') }

/** Every number of ours beside every peer's. */
export const rowsOf = ({ question: { suite, subject, unit }, sides }: Answer): ReadonlyArray<Row> => {
  const peers = sides.filter(({ isOurs }) => !isOurs)
  return sides
    .filter(({ isOurs }) => isOurs)
    .flatMap((ours) =>
      (peers.length === 0 ? [noPeer] : peers).map((peer): Row => {
        const [mine, theirs, ratio] = [ours.values, peer.values, ratios(ours, peer)].map(summaryOf)
        const reason = E.isLeft(ours.values) ? ours.values.left : E.isLeft(peer.values) ? peer.values.left : ''
        return {
          suite,
          row: `${subject}: ${ours.name}`,
          unit,
          ours: mine.median,
          range: mine.range,
          runs: mine.runs,
          peer: theirs.median,
          peerRange: theirs.range,
          peerName: peer.name,
          ratio: ratio.median,
          ratioRange: ratio.range,
          threads: ours.threads ?? null,
          ...(reason === '' ? {} : { reason })
        }
      })
    )
}

/** Three significant digits, without an exponent. */
const digits = (x: number): string =>
  x >= 100 ? Math.round(x).toLocaleString('en') : x.toFixed(Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(x)))))

const line = (cells: ReadonlyArray<string>): string => `| ${cells.join(' | ')} |`

const cells = (
  { question: { subject, unit } }: Answer,
  side: Side,
  ours: ReadonlyArray<Side>
): ReadonlyArray<string> => {
  const { median: middle, range, runs } = summaryOf(side.values)
  const named = [`${subject}: ${side.name}`, side.threads === undefined ? 'adapter' : String(side.threads), unit]
  if (E.isLeft(side.values)) return [...named, `not measured: ${side.values.left}`, '', '', ...ours.map(() => '')]
  const shown = (x: number | null | undefined): string => (x === null || x === undefined ? '' : digits(x))
  return [
    ...named,
    shown(middle),
    `${shown(range?.[0])}-${shown(range?.[1])}`,
    String(runs),
    ...ours.map((mine) => {
      const ratio = side.isOurs ? null : summaryOf(ratios(mine, side)).median
      return ratio === null ? '' : ratio.toFixed(2)
    })
  ]
}

/** The answers of one suite, in which ours go by the same names: a line for each side, with what ours are of a peer. */
export const showTable = (answers: ReadonlyArray<Answer>): string => {
  const names = [...new Set(answers.flatMap(({ sides }) => sides.flatMap((s) => (s.isOurs ? [s.name] : []))))]
  const withPeers = answers.some(({ sides }) => sides.some(({ isOurs }) => !isOurs))
  const columns = withPeers ? names : []
  const oursIn = ({ sides }: Answer): ReadonlyArray<Side> =>
    columns.map((name) => sides.find((s) => s.isOurs && s.name === name) ?? { ...noPeer, isOurs: true })
  const head = [
    answers[0].question.suite,
    'threads',
    'unit',
    'median',
    'range',
    'runs',
    ...columns.map((n) => `${n} / it`)
  ]
  return [
    line(head),
    line(['---', '---:', '---', '---:', '---:', '---:', ...columns.map(() => '---:')]),
    ...answers.flatMap((answer) => answer.sides.map((side) => line(cells(answer, side, oursIn(answer)))))
  ].join('\n')
}

/** What ours were of each peer over all subjects of a suite: the median, the least and the most. */
export const showOverview = (answers: ReadonlyArray<Answer>): string => {
  const names = (isOurs: boolean): ReadonlyArray<string> => [
    ...new Set(answers.flatMap(({ sides }) => sides.flatMap((s) => (s.isOurs === isOurs ? [s.name] : []))))
  ]
  const found = (ours: string, peer: string): ReadonlyArray<number> =>
    answers.flatMap(({ sides }) => {
      const [mine, theirs] = [ours, peer].map((name) => sides.find((s) => s.name === name) ?? noPeer)
      return summaryOf(ratios(mine, theirs)).median ?? []
    })
  const cell = (all: ReadonlyArray<number>): string =>
    all.length === 0 ? '' : `${digits(median(all))}, ${digits(Math.min(...all))}-${digits(Math.max(...all))}`
  const peers = names(false)
  return [
    line([`over ${answers.length}: median, least-most`, ...peers.map((peer) => `of ${peer}`)]),
    line(['---', ...peers.map(() => '---:')]),
    ...names(true).map((ours) => line([ours, ...peers.map((peer) => cell(found(ours, peer)))]))
  ].join('\n')
}
