/** Charts as specifications of Vega. Colours are variables of the page, so that one drawing serves light and dark paper. */

import type { Axis as VegaAxis, Config, Data, Mark, Scale, Spec } from 'vega'
import { drawable, isShown, type Axis, type Chart, type IntervalChart, type LineChart, type Rule } from './chart.js'
import { lookOf } from './looks.js'

/** In pixels where a chart is as wide as it was drawn: it grows and shrinks with the page. */
const [width, height, rowHeight] = [330, 210, 34]

const ink = 'currentColor'

const config: Config = {
  axis: {
    aria: false,
    labelColor: ink,
    titleColor: ink,
    tickColor: ink,
    domainColor: ink,
    gridColor: 'var(--grid)',
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    labelFont: 'var(--chart-font)',
    titleFont: 'var(--chart-font)',
    titlePadding: 6,
    titleLimit: 0,
    labelOverlap: true
  }
}

/** Numbers that are all alike have no extent: some room is made around them. */
const extentOf = (values: ReadonlyArray<number>, scale: Axis['scale']): readonly [number, number] => {
  if (values.length === 0) return scale === 'log' ? [1, 10] : [0, 1]
  const [low, high] = values.reduce(
    ([least, most], x) => [Math.min(least, x), Math.max(most, x)],
    [Infinity, -Infinity]
  )
  if (low < high) return [low, high]
  if (scale === 'log') return [low / 2, low * 2]
  const room = low === 0 ? 1 : Math.abs(low) / 10
  return [low - room, low + room]
}

const scaleOf = (name: 'x' | 'y', { scale }: Axis, values: ReadonlyArray<number>, isNice: boolean): Scale => ({
  name,
  type: scale,
  range: name === 'x' ? 'width' : 'height',
  domain: [...extentOf(values, scale)],
  nice: scale === 'linear' && isNice,
  zero: false
})

/** Large and small numbers as powers of ten; `format` is d3's. */
const marksOf = ({ ticks }: Axis, values: ReadonlyArray<number>): Partial<VegaAxis> => {
  const largest = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
  const format = largest >= 1e5 || (largest < 1e-3 && largest > 0) ? { format: '~e' } : {}
  return ticks === undefined ? { tickCount: 5, ...format } : { values: [...ticks], format: '~r' }
}

const axisOf = (name: 'x' | 'y', axis: Axis, values: ReadonlyArray<number>): VegaAxis => ({
  scale: name,
  orient: name === 'x' ? 'bottom' : 'left',
  title: axis.title,
  grid: name === 'y',
  ...marksOf(axis, values)
})

/** A line across, with its name above it. */
const ruleMarks = (rules: ReadonlyArray<Rule>): ReadonlyArray<Mark> =>
  rules.flatMap(({ at, name }): ReadonlyArray<Mark> => [
    {
      type: 'rule',
      aria: false,
      encode: {
        enter: {
          x: { value: 0 },
          x2: { signal: 'width' },
          y: { scale: 'y', value: at },
          stroke: { value: ink },
          strokeWidth: { value: 1 },
          strokeDash: { value: [1, 3] }
        }
      }
    },
    {
      type: 'text',
      aria: false,
      encode: {
        enter: {
          x: { signal: 'width' },
          dx: { value: -2 },
          y: { scale: 'y', value: at },
          dy: { value: -4 },
          align: { value: 'right' },
          text: { value: name },
          fill: { value: ink },
          fontSize: { value: 11 },
          font: { value: 'var(--chart-font)' }
        }
      }
    }
  ])

type Row = {
  readonly x: number
  readonly y: number | null
  readonly low: number | null
  readonly high: number | null
}

const finiteOr = (x: number | undefined, y: number): number => (x !== undefined && Number.isFinite(x) ? x : y)

const rowsOf =
  (chart: LineChart) =>
  (series: LineChart['series'][number]): ReadonlyArray<Row> =>
    series.points.map((point) =>
      isShown(chart)(point)
        ? { x: point.x, y: point.y, low: finiteOr(point.low, point.y), high: finiteOr(point.high, point.y) }
        : { x: point.x, y: null, low: null, high: null }
    )

const at = (axis: 'x' | 'y', field: string) => ({ scale: axis, field })

const defined = { signal: 'datum.y !== null' }

const seriesMarks =
  (chart: LineChart) =>
  ({ look, points }: LineChart['series'][number], i: number): ReadonlyArray<Mark> => {
    const { colour, dash, shape, isFilled } = lookOf(look)
    const from = { data: `series${i}` }
    const stroke = { value: `var(${colour})` }
    const x = at('x', 'x')
    const hasBand = points.some(({ low, high }) => low !== undefined && high !== undefined && low < high)
    const band: Mark = {
      type: 'area',
      aria: false,
      from,
      encode: {
        enter: {
          x,
          y: at('y', 'low'),
          y2: at('y', 'high'),
          defined,
          fill: stroke,
          fillOpacity: { value: 0.14 }
        }
      }
    }
    const line: Mark = {
      type: 'line',
      aria: false,
      from,
      encode: {
        enter: {
          x,
          y: at('y', 'y'),
          defined,
          stroke,
          strokeWidth: { value: 1.8 },
          ...(dash.length === 0 ? {} : { strokeDash: { value: [...dash] } })
        }
      }
    }
    const symbols: Mark = {
      type: 'symbol',
      aria: false,
      from,
      encode: {
        enter: {
          x,
          y: at('y', 'y'),
          shape: { value: shape },
          size: { value: 34 },
          stroke,
          strokeWidth: { value: 1.2 },
          fill: isFilled ? stroke : { value: 'var(--paper)' },
          opacity: { signal: 'datum.y === null ? 0 : 1' }
        }
      }
    }
    const whiskers: Mark = {
      type: 'rule',
      aria: false,
      from,
      encode: { enter: { x, y: at('y', 'low'), y2: at('y', 'high'), stroke, opacity: symbols.encode?.enter?.opacity } }
    }
    const isAlone = points.filter(isShown(chart)).length === 1
    return [
      ...(hasBand && !isAlone ? [band] : []),
      ...(hasBand && isAlone ? [whiskers] : []),
      line,
      ...(chart.hasPoints || isAlone ? [symbols] : [])
    ]
  }

const lineSpec = (given: LineChart): Spec => {
  const chart = drawable(given)
  const shown = chart.series.flatMap(({ points }) => points.filter(isShown(chart)))
  const xs = shown.map(({ x }) => x)
  const ys = [
    ...shown.flatMap(({ y, low, high }) => [y, finiteOr(low, y), finiteOr(high, y)]),
    ...chart.rules.map((rule) => rule.at)
  ]
  const above0 = chart.y.scale === 'log' ? ys.filter((y) => y > 0) : ys
  return {
    width,
    height,
    padding: 4,
    config,
    data: chart.series.map((series, i): Data => ({ name: `series${i}`, values: [...rowsOf(chart)(series)] })),
    scales: [scaleOf('x', chart.x, xs, false), scaleOf('y', chart.y, above0, true)],
    axes: [axisOf('x', chart.x, xs), axisOf('y', chart.y, above0)],
    marks: [...ruleMarks(chart.rules), ...chart.series.flatMap(seriesMarks(chart))]
  }
}

const rowMarks = ({ rows }: IntervalChart): ReadonlyArray<Mark> =>
  rows.flatMap(({ name, look, at: centre, low, high }, i): ReadonlyArray<Mark> => {
    const { colour, shape, isFilled } = lookOf(look)
    const stroke = { value: `var(${colour})` }
    const y = { value: rowHeight * (i + 0.68) }
    return [
      {
        type: 'text',
        aria: false,
        encode: {
          enter: {
            x: { value: 2 },
            y: { value: rowHeight * (i + 0.2) },
            baseline: { value: 'middle' },
            text: { value: name },
            fill: { value: ink },
            fontSize: { value: 12 },
            font: { value: 'var(--chart-font)' }
          }
        }
      },
      ...(Number.isFinite(low) && Number.isFinite(high)
        ? [
            {
              type: 'rule',
              aria: false,
              encode: {
                enter: {
                  x: { scale: 'x', value: low },
                  x2: { scale: 'x', value: high },
                  y,
                  stroke,
                  strokeWidth: { value: 2 }
                }
              }
            } as const
          ]
        : []),
      ...(Number.isFinite(centre)
        ? [
            {
              type: 'symbol',
              aria: false,
              encode: {
                enter: {
                  x: { scale: 'x', value: centre },
                  y,
                  shape: { value: shape },
                  size: { value: 60 },
                  stroke,
                  fill: isFilled ? stroke : { value: 'var(--paper)' }
                }
              }
            } as const
          ]
        : [])
    ]
  })

const intervalSpec = (chart: IntervalChart): Spec => {
  const values = [
    ...chart.rows.flatMap(({ at: centre, low, high }) => [centre, low, high]),
    ...chart.rules.map((rule) => rule.at)
  ].filter(Number.isFinite)
  return {
    width,
    height: rowHeight * chart.rows.length,
    padding: 4,
    config,
    data: [],
    scales: [scaleOf('x', chart.x, values, true)],
    axes: [{ ...axisOf('x', chart.x, values), grid: true }],
    marks: [
      ...chart.rules.map(({ at: place }): Mark => ({
        type: 'rule',
        aria: false,
        encode: {
          enter: {
            x: { scale: 'x', value: place },
            y: { value: 0 },
            y2: { signal: 'height' },
            stroke: { value: ink },
            strokeWidth: { value: 1 }
          }
        }
      })),
      ...rowMarks(chart)
    ]
  }
}

export const specOf = (chart: Chart): Spec => (chart._tag === 'Lines' ? lineSpec(chart) : intervalSpec(chart))
