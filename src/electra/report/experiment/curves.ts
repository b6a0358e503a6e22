/** How arms learn: means over their seeds of what was held out, against operations and against time. */

import type { ExperimentResults, RunFound } from './results.js'
import { deviation, mean } from '../../statistics/moments.js'
import type { Comparison, Interval } from '../../statistics/paired.js'
import { intervals, isEmpty, lines, type Axis, type LineChart, type Point, type Rule } from '../charts/chart.js'
import type { Columns } from '../columns.js'
import { columnsFor, digitsOf, labelOf } from '../columns.js'
import { figures, numbers, says, section, words, type Block, type Figure, type Table } from '../document.js'
import { fixed, interval, plain, scientific, signed, whole } from '../shown.js'
import { allComparisons, type Compared } from './comparisons.js'
import { mainNumbers } from './plateau.js'
import { metricOf, scoreDigits, scoresFor, tasksOf, untrainedArm } from './scores.js'

/** An evaluation at the same step of all seeds of an arm that came so far. */
type Mean = {
  readonly arm: string
  readonly step: number
  readonly flops: number
  readonly seconds: number
  readonly seeds: number
  readonly mean: number
  readonly deviation: number
}

/** Runs that failed are left out: their last numbers are those before they broke. */
const runsOf = ({ runs }: ExperimentResults, arm: string): ReadonlyArray<RunFound> =>
  runs.filter((run) => !run.isTuning && run.arm === arm && run.outcome._tag !== 'Failed')

const flopsPerStep = (runs: ReadonlyArray<RunFound>): number =>
  runs.flatMap(({ report }) => report?.compute?.published.step ?? [])[0] ?? NaN

const meansOf = (results: ExperimentResults, arm: string, name: string): ReadonlyArray<Mean> => {
  const runs = runsOf(results, arm)
  const found = runs.flatMap(({ curve }) =>
    curve.flatMap(({ step, seconds, numbers: at }) =>
      Number.isFinite(at[name]) ? [{ step, seconds, value: at[name] }] : []
    )
  )
  const steps = [...new Set(found.map(({ step }) => step))].sort((a, b) => a - b)
  return steps.map((step) => {
    const here = found.filter((point) => point.step === step)
    const values = here.map(({ value }) => value)
    return {
      arm,
      step,
      flops: step * flopsPerStep(runs),
      seconds: mean(here.map(({ seconds }) => seconds)),
      seeds: here.length,
      mean: mean(values),
      deviation: deviation(values)
    }
  })
}

/** What arms are drawn as, the same in all charts. */
const lookOf = ({ arms }: ExperimentResults, arm: string): number => {
  const place = arms.findIndex(({ id }) => id === arm)
  return place < 0 ? arms.length : place
}

const around = (centre: number, spread: number): Pick<Point, 'low' | 'high'> =>
  Number.isNaN(spread) ? {} : { low: centre - spread, high: centre + spread }

/** The sum of losses that each objective is trained on is another sum for each: it is not compared. */
const isCompared = (name: string): boolean => name !== 'loss'

const namesOf = ({ runs }: ExperimentResults): ReadonlyArray<string> =>
  [...new Set(runs.flatMap(({ curve }) => curve.flatMap((point) => Object.keys(point.numbers))))].filter(isCompared)

const tableOf = (columns: Columns, name: string, of: string, means: ReadonlyArray<Mean>): Table => ({
  caption: `${labelOf(columns, name)}${of}, held out: means over seeds`,
  columns: [...words('arm'), ...numbers('step', 'operations (published)', 'seconds', 'seeds', 'mean', 'deviation')],
  rows: means.map((point) => [
    point.arm,
    whole(point.step),
    scientific(point.flops),
    fixed(point.seconds, 1),
    String(point.seeds),
    fixed(point.mean, digitsOf(columns, name)),
    fixed(point.deviation, digitsOf(columns, name))
  ])
})

/** Seeds hold out the same text, and draw from it otherwise. */
const nearly = 0.02

/** The baseline that all runs nearly agree on; none where they do not. */
const rulesOf = ({ runs }: ExperimentResults, name: string, arms: ReadonlyArray<string>): ReadonlyArray<Rule> => {
  const found = runs.flatMap(({ isTuning, arm, report }) =>
    isTuning || !arms.includes(arm) ? [] : (report?.baselines[name]?.noContext ?? [])
  )
  return found.length > 0 && Math.max(...found) - Math.min(...found) < nearly
    ? [{ at: mean(found), name: 'no context' }]
    : []
}

type Against = 'flops' | 'seconds'

const axisOf: Readonly<Record<Against, Axis>> = {
  flops: { title: "operations, by the paper's count", scale: 'linear' },
  seconds: { title: 'seconds of training', scale: 'linear' }
}

/** Arms of which a number of that name means the same. */
type Alike = { readonly meaning: string; readonly arms: ReadonlyArray<string> }

/** What a discriminator that sees masked positions alone gets right is another number than what one that sees all does. */
const alike = (
  ofObjectives: ReadonlyMap<string, Columns>,
  results: ExperimentResults,
  name: string
): ReadonlyArray<Alike> => {
  const placed = results.arms
    .filter(({ id }) => meansOf(results, id, name).length > 0)
    .map(({ id, objective }) => ({
      id,
      meaning: ofObjectives.get(objective)?.get(name)?.meaning ?? ''
    }))
  return [...new Set(placed.map(({ meaning }) => meaning))].map((meaning) => ({
    meaning,
    arms: placed.filter((one) => one.meaning === meaning).map(({ id }) => id)
  }))
}

/** Whether a number is of the generator: the masked-LM loss and accuracy, where there is another network. */
const isOfGenerator = (results: ExperimentResults, arm: string, name: string): boolean =>
  name.startsWith('maskedLm') && mainNumbers(runsOf(results, arm)).length > 0

const curveOf = (
  columns: Columns,
  results: ExperimentResults,
  name: string,
  { meaning, arms }: Alike,
  /** Behind the title, where there are others of that name. */
  of: string,
  against: Against
): Figure => {
  const means = arms.flatMap((id) => meansOf(results, id, name))
  const label = labelOf(columns, name)
  const chart: LineChart = lines({
    x: axisOf[against],
    y: { title: label, scale: 'linear' },
    series: arms.map((id) => ({
      name: isOfGenerator(results, id, name) ? `${id} (its generator)` : id,
      look: lookOf(results, id),
      points: means
        .filter(({ arm }) => arm === id)
        .map((point) => ({ x: point[against], y: point.mean, ...around(point.mean, point.deviation) }))
    })),
    rules: rulesOf(results, name, arms),
    hasPoints: means.length <= 25 * arms.length
  })
  return {
    title: `${label}${of} against ${against === 'flops' ? 'operations' : 'time'}`,
    description: `${meaning} On held-out text; means over seeds, shaded by one deviation on either side.`.trim(),
    chart,
    numbers: tableOf(columns, name, of, means)
  }
}

const drawn = (all: ReadonlyArray<Figure>): ReadonlyArray<Figure> => all.filter(({ chart }) => !isEmpty(chart))

export const curvesSection = (columns: Columns, results: ExperimentResults): ReadonlyArray<Block> => {
  const ofObjectives = new Map(
    Object.entries(results.declaration.objectives).map(([name, { objective }]) => [name, columnsFor(objective)])
  )
  const curves = drawn(
    namesOf(results).flatMap((name) => {
      const groups = alike(ofObjectives, results, name)
      return groups.flatMap((group) => {
        const of = groups.length === 1 ? '' : ` of ${group.arms.join(', ')}`
        return (['flops', 'seconds'] as const).map((against) => curveOf(columns, results, name, group, of, against))
      })
    })
  )
  return [
    section('Learning curves'),
    ...(curves.length === 0
      ? [says('No run has been evaluated yet.')]
      : [
          says(
            "Of an objective with a generator the masked-LM loss is the generator's, of the others the main network's. Runs that failed are left out; the numbers below each chart say how many seeds a point is of."
          ),
          ...figures(curves)
        ])
  ]
}

// ------------------------------------------------------------- downstream

/** Arms that differ by one thing only, as a line over it. */
type Line = {
  readonly name: string
  readonly look: number
  readonly arms: ReadonlyArray<{ readonly id: string; readonly x: number }>
}

const nameWithout = (parts: ReadonlyArray<string | undefined>): string =>
  parts.filter((part) => part !== undefined).join(', ')

const linesBy = (
  results: ExperimentResults,
  placed: ReadonlyArray<{ readonly name: string; readonly id: string; readonly x: number }>
): ReadonlyArray<Line> =>
  [...new Set(placed.map(({ name }) => name))].map((name) => {
    const own = placed.filter((one) => one.name === name)
    return {
      name,
      look: lookOf(results, own[0].id),
      arms: own.map(({ id, x }) => ({ id, x })).sort((a, b) => a.x - b.x)
    }
  })

const downstreamFigure = (
  results: ExperimentResults,
  task: string,
  {
    title,
    description,
    x,
    show
  }: { readonly title: string; readonly description: string; readonly x: Axis; readonly show: (x: number) => string },
  found: ReadonlyArray<Line>
): Figure => {
  const untrained = scoresFor(results, untrainedArm, task).mean
  const series = found.map(({ name, look, arms }) => ({
    name,
    look,
    points: arms.map(({ id, x: at }) => {
      const scores = scoresFor(results, id, task)
      return { x: at, y: scores.mean, ...around(scores.mean, scores.deviation) }
    })
  }))
  return {
    title: `${task} ${title}`,
    description,
    chart: lines({
      x,
      y: { title: `${task}, ${metricOf(results, task)}`, scale: 'linear' },
      series,
      rules: Number.isNaN(untrained) ? [] : [{ at: untrained, name: 'weights never trained' }],
      hasPoints: true
    }),
    numbers: {
      caption: `${task} ${title}`,
      columns: [...words('line', 'arm'), ...numbers(x.title, 'seeds', 'mean', 'deviation')],
      rows: found.flatMap(({ name, arms }) =>
        arms.map(({ id, x: at }) => {
          const scores = scoresFor(results, id, task)
          return [
            name,
            id,
            show(at),
            String(scores.bySeed.length),
            fixed(scores.mean, scoreDigits),
            fixed(scores.deviation, scoreDigits)
          ]
        })
      )
    }
  }
}

const budgetName = (index: number): string => `budget ${index + 1}`

/** Downstream scores against operations and against time, where there are several budgets. */
export const budgetFigures = (results: ExperimentResults): ReadonlyArray<Figure> => {
  const { arms, declaration } = results
  if (declaration.budgets.length < 2) return []
  const placedBy = (xOf: (run: RunFound) => ReadonlyArray<number>) =>
    arms.map(({ id, objective, size, generatorSize }) => ({
      id,
      name: nameWithout([objective, size, generatorSize === undefined ? undefined : `generator ${generatorSize}`]),
      x: mean(runsOf(results, id).flatMap(xOf))
    }))
  const byOperations = placedBy(({ report }) => (report?.compute === undefined ? [] : [report.compute.published.run]))
  const byTime = placedBy(({ seconds }) => [seconds])
  const description = 'Means over seeds with a deviation on either side; an arm for each budget.'
  return drawn(
    tasksOf(results).flatMap((task) => [
      downstreamFigure(
        results,
        task,
        {
          ...{ title: 'against operations', description, show: scientific },
          x: { title: "operations, by the paper's count", scale: 'log' }
        },
        linesBy(results, byOperations)
      ),
      downstreamFigure(
        results,
        task,
        {
          ...{ title: 'against time', description, show: (x) => fixed(x, 0) },
          x: { title: 'seconds of pre-training', scale: 'log' }
        },
        linesBy(results, byTime)
      )
    ])
  )
}

/** Downstream scores against the generator's size, where there are several. */
export const generatorFigures = (results: ExperimentResults): ReadonlyArray<Figure> => {
  const { arms, declaration } = results
  if ((declaration.generatorSizes?.length ?? 0) < 2) return []
  const placed = arms.flatMap(({ id, objective, size, generatorSize, budget }) =>
    generatorSize === undefined
      ? []
      : [
          {
            id,
            name: nameWithout([objective, size, declaration.budgets.length > 1 ? budgetName(budget) : undefined]),
            x: generatorSize
          }
        ]
  )
  return drawn(
    tasksOf(results).map((task) =>
      downstreamFigure(
        results,
        task,
        {
          title: "against the generator's width",
          description: 'Means over seeds with a deviation on either side, at the same budget.',
          x: {
            title: "generator's width / main network's",
            scale: 'log',
            ticks: [...new Set(placed.map(({ x }) => x))].sort((a, b) => a - b)
          },
          show: plain
        },
        linesBy(results, placed)
      )
    )
  )
}

export const budgetSection = (results: ExperimentResults): ReadonlyArray<Block> => {
  const found = budgetFigures(results)
  return found.length === 0 ? [] : [section('Scores against operations and time'), ...figures(found)]
}

const capitalised = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1)

/** How differences of a kind are spoken of. */
type Said = {
  readonly of: string
  /** What is so right of the line. */
  readonly right: string
  readonly rowName: (found: Compared) => string
}

const differencesFrom = (from: string): Said => ({
  of: `differences from ${from}`,
  right: `an arm scored higher than ${from}`,
  rowName: ({ arm }) => arm
})

const ofContrasts: Said = {
  of: 'contrasts',
  right: 'the first arm scored higher',
  rowName: ({ arm, against }) => `${arm} − ${against}`
}

const differenceFigure = (
  results: ExperimentResults,
  task: string,
  { of, right, rowName }: Said,
  found: ReadonlyArray<Compared>
): Figure => {
  const isByStudent = found.some(({ comparison: { bootstrap } }) => !Number.isFinite(bootstrap.high))
  const intervalOf = ({ student, bootstrap }: Comparison): Interval => (isByStudent ? student : bootstrap)
  const column = `95 %, ${isByStudent ? "Student's" : 'bootstrap'}`
  const caption = `${of} on ${task}`
  return {
    title: capitalised(caption),
    description: `Mean differences paired by seed, with 95 % intervals of each alone${isByStudent ? ", Student's, since the bootstrap gives none of so few seeds" : ', by the bootstrap'}. Right of the line ${right}.`,
    chart: intervals({
      x: { title: `difference in ${metricOf(results, task)}`, scale: 'linear' },
      rows: found.map((one) => ({
        name: rowName(one),
        look: lookOf(results, one.arm),
        at: one.comparison.difference,
        ...intervalOf(one.comparison)
      })),
      rules: [{ at: 0, name: 'no difference' }]
    }),
    numbers: {
      caption,
      columns: [...words('arm', 'against'), ...numbers('seeds', 'difference', column)],
      rows: found.map(({ arm, against, comparison }) => [
        arm,
        against,
        String(comparison.pairs),
        signed(comparison.difference, scoreDigits),
        interval(intervalOf(comparison), scoreDigits)
      ])
    }
  }
}

/** Differences at a glance: for each task a chart of those from the baseline, of contrasts, and of those from weights never trained. */
export const differenceFigures = (results: ExperimentResults): ReadonlyArray<Figure> => {
  const all = allComparisons(results)
  return drawn(
    tasksOf(results).flatMap((task) => {
      const [baselines, contrasts, untrained] = (['baseline', 'contrast', 'untrained'] as const).map((kind) =>
        all.filter((one) => one.task === task && one.kind === kind)
      )
      const names = [...new Set(baselines.map(({ against }) => against))]
      return [
        differenceFigure(results, task, differencesFrom(names.length === 1 ? names[0] : 'the baseline'), baselines),
        differenceFigure(results, task, ofContrasts, contrasts),
        differenceFigure(results, task, differencesFrom('weights never trained'), untrained)
      ]
    })
  )
}
