/** What charts show, as plain data: of lines over a number, or of numbers with intervals beside each other. */

export type Point = {
  readonly x: number
  readonly y: number
  /** How far it varies, where that is known. */
  readonly low?: number
  readonly high?: number
}

export type Series = {
  readonly name: string
  /** Which colour, dash and shape it has: the same for the same thing in all charts of a page. From 0. */
  readonly look: number
  readonly points: ReadonlyArray<Point>
}

export type Axis = {
  readonly title: string
  readonly scale: 'linear' | 'log'
  /** Where it is marked, where that is not left to the chart. */
  readonly ticks?: ReadonlyArray<number>
}

/** A value that lines are compared with. */
export type Rule = { readonly at: number; readonly name: string }

/** Points that are not finite, and those not above 0 on a logarithmic axis, are not drawn: a line is broken there. */
export type LineChart = {
  readonly _tag: 'Lines'
  readonly x: Axis
  readonly y: Axis
  readonly series: ReadonlyArray<Series>
  readonly rules: ReadonlyArray<Rule>
  /** Whether the points are drawn as well: where they are few. */
  readonly hasPoints: boolean
}

/** A row with a point each, and how far it varies. */
export type IntervalChart = {
  readonly _tag: 'Intervals'
  readonly x: Axis
  readonly rows: ReadonlyArray<{
    readonly name: string
    readonly look: number
    readonly at: number
    readonly low: number
    readonly high: number
  }>
  readonly rules: ReadonlyArray<Rule>
}

export type Chart = LineChart | IntervalChart

export const lines = (chart: Omit<LineChart, '_tag'>): LineChart => ({ _tag: 'Lines', ...chart })

export const intervals = (chart: Omit<IntervalChart, '_tag'>): IntervalChart => ({ _tag: 'Intervals', ...chart })

const isDrawn =
  ({ x, y }: { readonly x: Axis; readonly y: Axis }) =>
  (point: Point): boolean =>
    Number.isFinite(point.x) &&
    Number.isFinite(point.y) &&
    (x.scale === 'linear' || point.x > 0) &&
    (y.scale === 'linear' || point.y > 0)

/** Whether anything is to be seen in it. */
export const isEmpty = (chart: Chart): boolean =>
  chart._tag === 'Lines'
    ? !chart.series.some(({ points }) => points.some(isDrawn(chart)))
    : !chart.rows.some(({ at }) => Number.isFinite(at))

/** Lines of which there is something to be seen. */
export const seen = (chart: LineChart): ReadonlyArray<Series> =>
  chart.series.filter(({ points }) => points.some(isDrawn(chart)))

/** The same without what cannot be drawn; of a line, the place where it is broken is left. */
export const drawable = (chart: LineChart): LineChart => ({
  ...chart,
  series: seen(chart).map((series) => ({
    ...series,
    points: series.points.filter(({ x }) => Number.isFinite(x) && (chart.x.scale === 'linear' || x > 0))
  })),
  rules: chart.rules.filter(({ at }) => Number.isFinite(at) && (chart.y.scale === 'linear' || at > 0))
})

export const isShown = isDrawn
